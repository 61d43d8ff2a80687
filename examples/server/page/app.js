// Puts the pieces together: the mini program's two screens, the switches and the trace.

import { Backend, Refusal, unreachable } from './backend.js'
import { Phone, isDown, setDown } from './phone.js'
import { currentLanguage, setLanguage, text, translate } from './text.js'
import { Trace } from './trace.js'

const $ = (id) => document.getElementById(id)

const phone = new Phone()
const backend = new Backend()
const trace = new Trace($('trace'))
let user = null
let busy = false
let down = false // as far as the server has said
let downTapped = false // its switch, so that a late answer does not put it back

const generation = () => ($('old').checked ? 'old' : 'new')

function show(whom) {
  const moved = mainButton(user) !== mainButton(whom)
  user = whom
  $('welcome').hidden = user !== null
  $('profile').hidden = user === null
  if (user) fillProfile()
  // The button that was tapped is gone: without a new place, the keyboard would start over at the top of the page.
  if (moved) $(user ? 'profile-title' : 'welcome-title').focus({ preventScroll: true })
}

// WeChat charges for each phone number: whoever has one is not asked again.
const mainButton = (whom) => (!whom ? 'sign-in' : whom.phone ? 'sign-out' : 'bind')

function fillProfile() {
  $('avatar-image').hidden = !ownImage(user.photo)
  if (ownImage(user.photo)) $('avatar-image').src = user.photo
  $('avatar-initial').textContent = [...user.nickname][0] ?? '?'
  $('nickname').textContent = user.nickname
  $('anonymous').hidden = user.nickname !== '微信用户'
  $('user-id').textContent = user.id.length > 12 ? `${user.id.slice(0, 6)}…${user.id.slice(-4)}` : user.id
  $('phone-number').textContent = user.phone ? mask(user.phone) : text('noPhone')
  $('phone-number').classList.toggle('bound', user.phone !== '')
  $('bind').hidden = mainButton(user) !== 'bind'
}

// WeChat's avatars are on its CDN, and nothing may leave this machine.
const ownImage = (url) => url.startsWith('data:image/') || url.startsWith(`${location.origin}/`)

const mask = (number) => number.replace(/^(.{3}).*(.{4})$/, '$1••••$2')

function notify(refusal) {
  $('notice-message').textContent = refusal.message
  const next = text('next')
  $('notice-next').textContent = next[refusal.reason] ?? next[refusal.next] ?? ''
  $('notice').dataset.reason = refusal.reason
  $('notice').hidden = false
}

function dismiss() {
  $('notice').hidden = true
}

// during runs one call at a time: a second tap would send the same code again.
async function during(work) {
  if (busy) return
  busy = true
  $('screen').setAttribute('aria-busy', 'true')
  dismiss()
  try {
    await work()
  } catch (error) {
    if (error.next === 'signin') leave()
    notify(error instanceof Refusal ? error : unreachable())
  }
  busy = false
  $('screen').removeAttribute('aria-busy')
}

function leave() {
  backend.forget()
  phone.enter(generation())
  show(null)
}

const tap = (button, call) => during(async () => {
  try {
    const { code, detail } = await phone.tap(button, { refuse: $('refuse').checked, spent: $('spent').checked })
    show(await call(code, detail))
  } finally {
    phone.renew() // whatever came of it, the code is not to be sent again
  }
})

function speak(language) {
  setLanguage(language)
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = text('title')
  translate(document)
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language))
  }
  if (user) fillProfile()
  dismiss() // the backend worded it in the other language
  trace.translate()
}

async function start() {
  speak(currentLanguage())
  trace.listen('/demo/trace')
  $('old').checked = phone.generation === 'old'
  phone.enter(phone.generation)
  showDown().catch(() => notify(unreachable()))
  if (backend.hasToken) await during(async () => show(await backend.me()))
}

async function showDown() {
  const told = await isDown()
  if (!downTapped) $('down').checked = down = told
}

async function switchDown() {
  downTapped = true
  const wanted = $('down').checked
  try {
    await setDown(wanted)
    down = wanted
  } catch {
    $('down').checked = down
    notify(unreachable())
  }
}

$('sign-in').addEventListener('click', () => tap('getUserInfo', (code, detail) => backend.login(code, detail)))
$('bind').addEventListener('click', () => tap('getPhoneNumber', (code, detail) => backend.bindPhone(code, detail)))
$('sign-out').addEventListener('click', () => during(async () => {
  await backend.logout()
  leave()
}))
$('dismiss').addEventListener('click', dismiss)
$('old').addEventListener('change', () => {
  if (!user) phone.enter(generation()) // a signed-in user keeps the phone until signing out
})
$('down').addEventListener('change', switchDown)
$('clear').addEventListener('click', () => trace.clear())
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => speak(button.dataset.language))
}

start()
