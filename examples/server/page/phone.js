// Plays the WeChat of a phone: what wx.login and an open-type button are in a real mini program. Nothing here belongs to
// the backend's API, and a real page needs nothing of it but the order of the calls.

// WeChat's codes live five minutes. A page that stays open has to replace its code before that.
const codeLifetime = 4 * 60 * 1000

async function post(path, body = {}) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw Object.assign(new Error(`${path}: HTTP ${response.status}`), { status: response.status })
  return response.status === 204 ? null : response.json()
}

export const setDown = (down) => post('/demo/authing', { down })

export const isDown = async () => (await (await fetch('/demo/state')).json()).down

export class Phone {
  #held = JSON.parse(sessionStorage.getItem('phone')) // {id, generation}; survives a reload, as its user does
  #generation = this.#held?.generation ?? 'new'
  #code = Promise.resolve() // a promise: a tap may come while wx.login is still on its way
  #timer

  get generation() {
    return this.#generation
  }

  // enter opens the mini program. Another generation of WeChat is another user's phone: an account keeps the name that
  // it was created with.
  enter(generation) {
    this.#generation = generation
    this.renew()
  }

  // renew gets the code for the next tap. It is called when the page opens and after every call to the backend, spent or
  // not, but never in a tap's callback: a login may replace the session key, and then the detail of that tap, encrypted
  // with the key before, could not be decrypted with the code that comes after it.
  renew() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.renew(), codeLifetime)
    const login = () => this.#login()
    this.#code = this.#code.then(login, login)
    this.#code.catch(() => {}) // the tap that awaits it reports the failure
  }

  // tap plays a tap on an open-type button. The code was asked for before it, and is handed out once.
  async tap(button, { refuse, spent }) {
    clearTimeout(this.#timer) // a renewal between here and the backend's answer would be one in the callback
    const code = await this.#code
    const { id, generation } = this.#held
    const detail = await post(`/demo/phones/${id}/tap`, { button, refuse, generation })
    if (spent) await post(`/demo/phones/${id}/spend`, { code })
    return { code, detail }
  }

  async #login() {
    if (this.#held?.generation !== this.#generation) await this.#buy()
    try {
      return await this.#wxLogin()
    } catch (error) {
      if (error.status !== 404) throw error
      await this.#buy() // the server was started anew, and knows no phone of before
      return this.#wxLogin()
    }
  }

  async #wxLogin() {
    return (await post(`/demo/phones/${this.#held.id}/login`)).code
  }

  async #buy() {
    const generation = this.#generation
    const { id } = await post('/demo/phones', { generation })
    this.#held = { id, generation }
    sessionStorage.setItem('phone', JSON.stringify(this.#held))
  }
}
