module.exports = {
  // 后端地址，末尾不带斜杠。真机无法访问电脑的 127.0.0.1；正式发布时须使用已配置为 request 和 uploadFile 合法域名的 https 地址。
  baseURL: 'http://127.0.0.1:8080',
};
