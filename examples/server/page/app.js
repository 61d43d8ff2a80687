// The main module: the two screens of the mini program, the switches and the trace.

import { Backend, ApiError, unreachable } from './backend.js'
import { Phone, isDown, setDown } from './phone.js'
import { currentLanguage, setLanguage, text, translate } from './text.js'
import { Trace } from './trace.js'

const $ = (id) => document.getElementById(id)

const phone = new Phone()
const backend = new Backend()
const trace = new Trace($('trace'))
let user = null
let picture = null // chosen, but not saved yet: {url, content}
let silent = false // signed in without a tap
let busy = false
let down = false // last state reported by the server
let downTouched = false // the user has used the switch: a late response must not reset it

const generation = () => ($('old').checked ? 'old' : 'new')

function show(newUser) {
  const buttonChanged = mainButton(user) !== mainButton(newUser)
  const focused = $('screen').contains(document.activeElement)
  user = newUser
  $('welcome').hidden = user !== null
  $('profile').hidden = user === null
  if (user) fillProfile()
  // The focused button is hidden now. Without a new focus, keyboard users would start over at the top of the page.
  if (buttonChanged && focused) $(user ? 'profile-title' : 'welcome-title').focus({ preventScroll: true })
}

// WeChat charges for each phone number, so a user who has one cannot bind again.
const mainButton = (user) => (!user ? 'sign-in' : user.phone ? 'sign-out' : 'bind')

function fillProfile() {
  const photo = picture?.url ?? ownAddress(user.photo)
  $('avatar-image').hidden = !photo
  if (photo) $('avatar-image').src = photo
  $('silent').hidden = !silent
  $('avatar-initial').textContent = [...user.nickname][0] ?? ''
  $('avatar-nobody').toggleAttribute('hidden', user.nickname !== '')
  $('nickname').textContent = user.nickname || text('noName')
  $('anonymous').hidden = user.nickname !== '' && user.nickname !== '微信用户'
  $('user-id').textContent = user.id.length > 12 ? `${user.id.slice(0, 6)}…${user.id.slice(-4)}` : user.id
  $('phone-number').textContent = user.phone ? mask(user.phone) : text('noPhone')
  $('phone-number').classList.toggle('bound', user.phone !== '')
  $('bind').hidden = mainButton(user) !== 'bind'
}

// ownAddress returns the address at which this server has a picture of the fake storage. WeChat's avatars are on its
// CDN, but the demo must not send requests to other machines.
const ownAddress = (url) => url.match(/^http:\/\/127\.0\.0\.1:\d+(\/cdn\/.+)/)?.[1].replace(/^/, '/demo') ?? ''

const mask = (number) => number.replace(/^(.{3}).*(.{4})$/, '$1••••$2')

function notify(error) {
  $('notice-message').textContent = error.message
  const next = { ...text('next'), ...(error.withCode && text('nextWithCode')) }
  $('notice-next').textContent = next[error.reason] ?? next[error.next] ?? ''
  $('notice').dataset.reason = error.reason
  $('notice').hidden = false
}

function dismiss() {
  $('notice').hidden = true
}

// runExclusive runs one call at a time: a second tap would send the same code again.
async function runExclusive(call) {
  if (busy) return
  busy = true
  $('screen').setAttribute('aria-busy', 'true')
  dismiss()
  try {
    await call()
  } catch (error) {
    if (error.next === 'signin') reset()
    notify(error instanceof ApiError ? error : unreachable())
  }
  busy = false
  $('screen').removeAttribute('aria-busy')
}

async function choose() {
  const url = await phone.choose({ refuse: $('refuse').checked })
  if (!url) return
  picture = { url, content: await (await fetch(url)).blob() }
  fillProfile()
}

// save sends what the user has chosen. Both are optional.
async function save() {
  if (picture) {
    const changed = await backend.changeAvatar(picture.content)
    picture = null
    show(changed)
  }
  const name = $('name').value.trim()
  if (name) show(await backend.changeNickname(name))
  $('name').value = ''
}

function reset() {
  silent = false
  picture = null
  $('name').value = ''
  backend.forget()
  phone.enter(generation())
  show(null)
}

// spendCode makes a call that uses up the code.
const spendCode = (call) => runExclusive(async () => {
  try {
    show(await call())
  } catch (error) {
    error.withCode = true
    throw error
  } finally {
    phone.renew() // even after a failure: the code must not be sent again
  }
})

const tap = (button, call) => spendCode(async () => {
  const { code, detail } = await phone.tap(button, { refuse: $('refuse').checked, spent: $('spent').checked })
  return call(code, detail)
})

const signInByCode = ({ tapped }) => spendCode(async () => {
  const signedIn = await backend.login(await phone.takeCode({ spent: $('spent').checked }))
  silent = !tapped
  setSignedOut(false)
  return signedIn
})

// signInSilently is what opening the mini program does with V3, unless the user has signed out: undoing that takes a tap.
async function signInSilently() {
  if (backend.v3 && !backend.hasToken && !signedOut()) await signInByCode({ tapped: false })
}

const signedOut = () => sessionStorage.getItem('signedOut') !== null

function setSignedOut(on) {
  if (on) sessionStorage.setItem('signedOut', 'true')
  else sessionStorage.removeItem('signedOut')
  showGeneration()
}

// switchGeneration opens a mini program whose backend uses the other generation of Authing. The phone and the user stay.
async function switchGeneration(v3) {
  if (v3 === backend.v3) return
  await runExclusive(async () => {
    if (backend.hasToken) await backend.logout().catch(() => {}) // during an outage, only the page forgets the token
    backend.v3 = v3
    setSignedOut(false)
    reset()
  })
  await signInSilently()
}

function showGeneration() {
  const { v3 } = backend
  for (const button of document.querySelectorAll('[data-generation]')) {
    button.setAttribute('aria-pressed', String((button.dataset.generation === 'v3') === v3))
  }
  $('generation-hint').textContent = text(v3 ? 'v3Hint' : 'userPoolHint')
  $('welcome-hint').textContent = text(v3 && signedOut() ? 'signedOutHint' : 'welcomeHint')
  $('old-hint').textContent = $('old-label').title = text(v3 ? 'v3SwitchHint' : 'oldHint')
  $('old').disabled = v3
}

function switchLanguage(language) {
  setLanguage(language)
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = text('title')
  translate(document)
  showGeneration()
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language))
  }
  if (user) fillProfile()
  dismiss() // its message is in the other language
  trace.translate()
}

async function start() {
  switchLanguage(currentLanguage())
  trace.listen('/demo/trace')
  $('old').checked = phone.generation === 'old'
  phone.enter(phone.generation)
  showDown().catch(() => notify(unreachable()))
  if (backend.hasToken) await runExclusive(async () => show(await backend.me()))
  await signInSilently() // also if the token has expired
}

async function showDown() {
  const state = await isDown()
  if (!downTouched) $('down').checked = down = state
}

async function toggleDown() {
  downTouched = true
  const wanted = $('down').checked
  try {
    await setDown(wanted)
    down = wanted
  } catch {
    $('down').checked = down
    notify(unreachable())
  }
}

$('sign-in').addEventListener('click', () => {
  if (backend.v3) signInByCode({ tapped: true })
  else tap('getUserInfo', (code, detail) => backend.login(code, detail))
})
$('bind').addEventListener('click', () => tap('getPhoneNumber', (code, detail) => backend.bindPhone(code, detail)))
$('choose').addEventListener('click', () => runExclusive(choose))
$('edit').addEventListener('submit', (event) => {
  event.preventDefault()
  runExclusive(save)
})
$('sign-out').addEventListener('click', () => runExclusive(async () => {
  try {
    await backend.logout()
  } finally { // during an outage, only the page forgets the token
    setSignedOut(true)
    reset()
  }
}))
$('dismiss').addEventListener('click', dismiss)
$('old').addEventListener('change', () => {
  if (!user) phone.enter(generation()) // a signed-in user keeps the current phone
})
$('down').addEventListener('change', toggleDown)
$('clear').addEventListener('click', () => trace.clear())
for (const button of document.querySelectorAll('[data-generation]')) {
  button.addEventListener('click', () => switchGeneration(button.dataset.generation === 'v3'))
}
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => switchLanguage(button.dataset.language))
}

start()
