// The client of the backend. A real mini program uses wx.request and wx.uploadFile instead of fetch.

import { currentLanguage, text } from './text.js'

// ApiError is an error response of the backend. next tells the page what to do.
export class ApiError extends Error {
  constructor({ reason, message, next }) {
    super(message)
    Object.assign(this, { reason, next })
  }
}

export class Backend {
  // sessionStorage keeps the token until the tab is closed.
  get #token() {
    return sessionStorage.getItem('token')
  }

  get hasToken() {
    return this.#token !== null
  }

  // v3 selects the generation of Authing. The demo's backend serves both; a real one serves yours, at /api.
  get v3() {
    return sessionStorage.getItem('v3') !== null
  }

  set v3(on) {
    if (on) sessionStorage.setItem('v3', 'true')
    else sessionStorage.removeItem('v3')
  }

  // detail is not needed with V3.
  async login(code, detail) {
    return this.#keepToken(await this.#call('POST', '/api/login', { code, detail }))
  }

  // With V3, binding is another login, and its token replaces the previous one.
  async bindPhone(code, detail) {
    return this.#keepToken(await this.#call('POST', '/api/phone', { code, detail }))
  }

  async me() {
    return (await this.#call('GET', '/api/me')).user
  }

  async changeAvatar(picture) {
    const form = new FormData()
    form.append('file', picture, 'picture')
    return (await this.#call('POST', '/api/avatar', form)).user
  }

  // PUT instead of PATCH, which wx.request cannot send.
  async changeNickname(nickname) {
    return (await this.#call('PUT', '/api/me', { nickname })).user
  }

  async logout() {
    await this.#call('POST', '/api/logout')
    this.forget()
  }

  forget() {
    sessionStorage.removeItem('token')
  }

  #keepToken({ token, user }) {
    if (token) sessionStorage.setItem('token', token)
    return user
  }

  async #call(method, path, body) {
    const headers = { 'Accept-Language': currentLanguage() }
    if (this.hasToken) headers.Authorization = `Bearer ${this.#token}`
    if (body && !(body instanceof FormData)) {
      headers['Content-Type'] = 'application/json'
      body = JSON.stringify(body)
    }
    const response = await fetch((this.v3 ? '/v3' : '') + path, { method, headers, body }).catch(throwUnreachable)
    if (response.status === 204) return null
    const result = await response.json().catch(throwUnreachable) // not JSON: an error page of a proxy
    if (!response.ok) throw new ApiError(result.error)
    return result
  }
}

export const unreachable = () => new ApiError({ reason: 'unreachable', message: text('unreachable'), next: 'none' })

function throwUnreachable() {
  throw unreachable()
}
