module.exports = {
  // 后端地址，末尾不带斜杠。真机无法访问电脑的 127.0.0.1；正式发布时须使用已配置为 request 和 uploadFile 合法域名的 https 地址。
  baseURL: 'http://127.0.0.1:8080',

  // 后端使用的 Authing。'userpool'：2018 至 2020 年的用户池，登录要点一次按钮。
  // 'v3'：新一代 Authing 的应用（authingv3 包），登录只需要 code，打开页面就自动登录。
  /** @type {'userpool' | 'v3'} */
  generation: 'userpool',
};
