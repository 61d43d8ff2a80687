// Every word of the page, in both languages. The backend words its own refusals: it is told the language with each
// request (see backend.js).

const texts = {
  en: {
    title: 'Sign in with WeChat, through Authing',
    tagline: 'Nothing leaves this machine: WeChat, the phone and Authing are played. The Go backend and its SDK are real.',
    language: 'Language',
    miniProgram: 'Mini program',
    welcome: 'Welcome',
    welcomeHint: 'Sign in with your WeChat account. No password needed.',
    signIn: 'Sign in with WeChat',
    profile: 'Your account',
    anonymous: 'WeChat no longer tells names',
    userId: 'User ID',
    phone: 'Phone',
    noPhone: 'not bound',
    bind: 'Bind phone',
    signOut: 'Sign out',
    dismiss: 'Dismiss',
    switches: 'What if …',
    refuse: 'user refuses',
    spent: 'code already spent',
    old: 'old profile generation',
    oldHint: 'For the next new user: name and avatar as WeChat gave them before 2021',
    down: 'Authing is down',
    trace: 'What happens',
    traceHint: 'Codes, tokens and phone numbers are masked before they come here.',
    traceEmpty: 'Tap the green button: every request shows up here.',
    clear: 'Clear',
    wechat: 'WeChat',
    page: 'Page',
    backend: 'Backend',
    authing: 'Authing',
    unreachable: 'The backend does not answer.',
    // What the page has done about a refusal, after the backend's words on what the user can do; a reason goes before next.
    next: {
      login: 'The page has fetched a fresh code already.',
      signin: 'The page has thrown the token away.',
      service_down: 'Nothing was spent.',
      user_refused: 'WeChat gave nothing, so the code was not spent.',
      unreachable: 'Is the server still running?',
    },
  },
  zh: {
    title: '微信小程序登录 Authing',
    tagline: '一切都在本机：微信、手机和 Authing 由程序扮演，Go 后端和 SDK 是真的。',
    language: '语言',
    miniProgram: '小程序',
    welcome: '欢迎',
    welcomeHint: '使用微信账号登录，无需密码。',
    signIn: '微信登录',
    profile: '我的账号',
    anonymous: '微信已不再提供真实昵称',
    userId: '用户 ID',
    phone: '手机号',
    noPhone: '未绑定',
    bind: '绑定手机号',
    signOut: '退出登录',
    dismiss: '关闭',
    switches: '如果……',
    refuse: '用户点了拒绝',
    spent: 'code 已被使用',
    old: '旧版用户信息',
    oldHint: '对下一位新用户生效：昵称和头像与 2021 年以前一样',
    down: 'Authing 不可用',
    trace: '过程',
    traceHint: 'code、token 和手机号在到达这里之前已被遮盖。',
    traceEmpty: '点绿色按钮，每个请求都会出现在这里。',
    clear: '清空',
    wechat: '微信',
    page: '页面',
    backend: '后端',
    authing: 'Authing',
    unreachable: '后端没有响应。',
    next: {
      login: '页面已经取得新的 code。',
      signin: '页面已经清除 token。',
      service_down: '没有消耗 code。',
      user_refused: '微信没有给出信息，code 也没有被消耗。',
      unreachable: '服务还在运行吗？',
    },
  },
}

let language = sessionStorage.getItem('language') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en')

export const currentLanguage = () => language

export const text = (key) => texts[language][key]

export function setLanguage(to) {
  language = to
  sessionStorage.setItem('language', to)
}

// translate fills in everything under root that the HTML marks with data-text (its content) or data-label (its name for
// screen readers).
export function translate(root) {
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text)
  for (const element of root.querySelectorAll('[data-label]')) element.setAttribute('aria-label', text(element.dataset.label))
}
