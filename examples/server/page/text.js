// The texts of the page in both languages. The messages of API errors come from the backend, in the language of the
// request (see backend.js).

const texts = {
  en: {
    title: 'WeChat sign\u2011in with Authing',
    tagline: 'Everything runs on this machine: WeChat, the phone and Authing are simulated; the Go backend and its SDK are real.',
    language: 'Language',
    miniProgram: 'Mini program',
    welcome: 'Welcome',
    welcomeHint: 'Sign in with your WeChat account. No password needed.',
    signIn: 'Sign in with WeChat',
    signedOutHint: 'You signed out, so the mini program waits for your tap.',
    profile: 'Your account',
    silent: 'Signed in without a tap',
    noName: 'No name yet',
    anonymous: 'WeChat gives no real name and picture.\nChoose your own, or skip this.',
    choosePicture: 'Choose a picture',
    nickname: 'Nickname',
    save: 'Save',
    userId: 'User ID',
    phone: 'Phone',
    noPhone: 'not bound',
    bind: 'Bind phone',
    signOut: 'Sign out',
    dismiss: 'Dismiss',
    generation: 'Authing',
    userPool: 'User pool',
    userPoolHint: 'A user pool of 2018 to 2020: signing in takes a tap, because it needs encrypted data from the button.',
    v3: 'V3',
    v3Hint: "Today's Authing: the code of wx.login is enough, so opening the mini program signs in without a tap.",
    switches: 'What if …',
    refuse: 'user declines',
    spent: 'code already used',
    old: 'pre-2021 profile',
    oldHint: 'pre-2021 profile: the next new user has a real nickname and avatar. WeChat stopped providing them in 2021.',
    v3SwitchHint: 'With V3, signing in asks the user for nothing. There is nothing to decline, and no profile to read.',
    down: 'Authing is down',
    trace: 'Live trace',
    traceHint: 'Click a line to see all of it. The server masks codes, tokens and phone numbers.',
    traceEmpty: 'Tap the green button to see every request here.',
    clear: 'Clear',
    wechat: 'WeChat',
    page: 'Page',
    backend: 'Backend',
    authing: 'Authing',
    unreachable: 'The backend is not responding.',
    // Shown after the backend's message, by reason or else by next: what this means for the page.
    next: {
      signin: 'The page has discarded the token.',
      unreachable: 'Is the server still running?',
    },
    nextWithCode: {
      login: 'The page has already fetched a new code.',
      service_down: 'The code was not used.',
      user_refused: 'WeChat returned no data, so the code was not used.',
    },
  },
  zh: {
    title: '使用 Authing 实现微信登录',
    tagline: '全部在本机运行：微信、手机和 Authing 都是模拟的，Go 后端和 SDK 是真实的。',
    language: '语言',
    miniProgram: '小程序',
    welcome: '欢迎',
    welcomeHint: '使用微信账号登录，无需密码。',
    signIn: '微信登录',
    signedOutHint: '你已退出登录，再次登录需要点一下。',
    profile: '我的账号',
    silent: '已自动登录，无需点击',
    noName: '未填写昵称',
    anonymous: '微信不再提供真实的昵称和头像。\n可以自己填写，也可以跳过。',
    choosePicture: '选择头像',
    nickname: '昵称',
    save: '保存',
    userId: '用户 ID',
    phone: '手机号',
    noPhone: '未绑定',
    bind: '绑定手机号',
    signOut: '退出登录',
    dismiss: '关闭',
    generation: 'Authing',
    userPool: '用户池',
    userPoolHint: '2018 至 2020 年的用户池：登录要点一次，因为需要按钮返回的加密数据。',
    v3: 'V3',
    v3Hint: '新一代 Authing：只要 wx.login 的 code，打开小程序就自动登录，不用点击。',
    switches: '如果……',
    refuse: '用户拒绝授权',
    spent: 'code 已被使用',
    old: '2021 年前的用户信息',
    oldHint: '2021 年前的用户信息：下一个新用户有真实的昵称和头像。2021 年起，微信只返回“微信用户”和灰色头像。',
    v3SwitchHint: 'V3 登录时不询问用户：没有可以拒绝的授权，也不读取用户信息。',
    down: 'Authing 不可用',
    trace: '请求过程',
    traceHint: '点击一行可查看全文。code、token 和手机号已由服务端脱敏。',
    traceEmpty: '点击绿色按钮，这里会显示每个请求。',
    clear: '清空',
    wechat: '微信',
    page: '页面',
    backend: '后端',
    authing: 'Authing',
    unreachable: '后端没有响应。',
    next: {
      signin: '页面已清除 token。',
      unreachable: '请检查服务是否仍在运行。',
    },
    nextWithCode: {
      login: '页面已获取新的 code。',
      service_down: 'code 未被使用。',
      user_refused: '微信没有返回数据，code 未被使用。',
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

// translate sets the texts of elements with data-text (content), data-label (accessible name), data-placeholder or
// data-title (tooltip) under root.
export function translate(root) {
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text)
  for (const element of root.querySelectorAll('[data-label]')) element.setAttribute('aria-label', text(element.dataset.label))
  for (const element of root.querySelectorAll('[data-placeholder]')) element.placeholder = text(element.dataset.placeholder)
  for (const element of root.querySelectorAll('[data-title]')) element.title = text(element.dataset.title)
}
