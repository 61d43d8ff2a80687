// Calls the backend, as wx.request does in a real mini program.

import { currentLanguage, text } from './text.js'

// Refusal is an answer of the backend other than success. next says what the page has to do.
export class Refusal extends Error {
  constructor({ reason, message, next }) {
    super(message)
    Object.assign(this, { reason, next })
  }
}

export class Backend {
  // In sessionStorage the token ends with the tab, as it would with the mini program.
  get #token() {
    return sessionStorage.getItem('token')
  }

  get hasToken() {
    return this.#token !== null
  }

  async login(code, detail) {
    const { token, user } = await this.#call('POST', '/api/login', { code, detail })
    sessionStorage.setItem('token', token)
    return user
  }

  async bindPhone(code, detail) {
    return (await this.#call('POST', '/api/phone', { code, detail })).user
  }

  async me() {
    return (await this.#call('GET', '/api/me')).user
  }

  async logout() {
    await this.#call('POST', '/api/logout')
    this.forget()
  }

  forget() {
    sessionStorage.removeItem('token')
  }

  async #call(method, path, body) {
    const headers = { 'Accept-Language': currentLanguage() }
    if (this.hasToken) headers.Authorization = `Bearer ${this.#token}`
    if (body) headers['Content-Type'] = 'application/json'
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(notReached)
    if (response.status === 204) return null
    const answer = await response.json().catch(notReached) // a proxy's error page is no answer of the backend
    if (!response.ok) throw new Refusal(answer.error)
    return answer
  }
}

export const unreachable = () => new Refusal({ reason: 'unreachable', message: text('unreachable'), next: 'none' })

function notReached() {
  throw unreachable()
}
