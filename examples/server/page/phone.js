// Simulates WeChat on the phone: wx.login and open-type buttons. A real page needs nothing from this file except the
// order of the calls.

// A wx.login code expires after five minutes. A page that stays open must replace its code before that.
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
  #current = JSON.parse(sessionStorage.getItem('phone')) // {id, generation}; kept across reloads, like the login
  #generation = this.#current?.generation ?? 'new'
  #code = Promise.resolve() // a promise, because the user may tap while wx.login is pending
  #timer

  get generation() {
    return this.#generation
  }

  // enter opens the mini program. Each generation has a phone with another user, because an account keeps the nickname
  // that it was created with.
  enter(generation) {
    this.#generation = generation
    this.renew()
  }

  // renew requests the code for the next call. It is called when the page opens and after every call of the backend, but
  // never in a tap's callback: wx.login may replace the session key, and the new code cannot decrypt a detail that was
  // encrypted with the previous key.
  renew() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.renew(), codeLifetime)
    const login = () => this.#login()
    this.#code = this.#code.then(login, login)
    this.#code.catch(() => {}) // reported by the call that awaits it
  }

  // takeCode returns the code requested last. It needs no tap.
  async takeCode({ spent }) {
    clearTimeout(this.#timer) // no renewal until the backend has responded
    const code = await this.#code
    if (spent) await post(`/demo/phones/${this.#current.id}/spend`, { code })
    return code
  }

  // tap simulates a tap on an open-type button. It returns the code requested before the tap.
  async tap(button, { refuse, spent }) {
    const code = await this.takeCode({ spent })
    const { id, generation } = this.#current
    return { code, detail: await post(`/demo/phones/${id}/tap`, { button, refuse, generation }) }
  }

  // choose simulates a chooseAvatar button. It returns the address of the picture, or undefined if the user cancels.
  // Unlike the other buttons, it needs no code.
  async choose({ refuse }) {
    await this.#code // the phone exists
    return (await post(`/demo/phones/${this.#current.id}/tap`, { button: 'chooseAvatar', refuse })).avatarUrl
  }

  async #login() {
    if (this.#current?.generation !== this.#generation) await this.#newPhone()
    try {
      return await this.#wxLogin()
    } catch (error) {
      if (error.status !== 404) throw error
      await this.#newPhone() // the server was restarted and has lost its phones
      return this.#wxLogin()
    }
  }

  async #wxLogin() {
    return (await post(`/demo/phones/${this.#current.id}/login`)).code
  }

  async #newPhone() {
    const generation = this.#generation
    const { id } = await post('/demo/phones', { generation })
    this.#current = { id, generation }
    sessionStorage.setItem('phone', JSON.stringify(this.#current))
  }
}
