/**
 * 请求演示服务，失败时抛出错误。
 * @returns {Promise<any>}
 */
async function demo(base, path, body) {
  const response = await fetch(base + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}：${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

/**
 * 新用户的新手机。wx 只实现页面用到的接口，由演示服务模拟微信。
 * @param {string} base
 * @param {{ phoneNumber?: string }} [who]
 */
async function newPhone(base, who = {}) {
  const owner = await demo(base, '/demo/phones', who);
  const storage = new Map();
  /** 按时间顺序的记录。 @type {{ name: string, code?: string, refused?: boolean }[]} */
  const log = [];
  let forgotten = 0;
  /** 依次触发的故障，各触发一次：login、no code（成功但没有 code）、request（请求未送达）、response（已送达但收不到响应）、proxy（代理的错误页）、portal（公共网络的登录页）。 @type {string[]} */
  const faults = [];
  const takeFault = (...kinds) => (kinds.includes(faults[0]) ? faults.shift() : undefined);

  const wx = {
    login({ success, fail }) {
      const fault = takeFault('login', 'no code');
      if (fault) {
        log.push({ name: 'wx.login fail' });
        if (fault === 'login') Promise.resolve({ errMsg: 'login:fail', errno: 600001 }).then(fail);
        else Promise.resolve({ errMsg: 'login:ok', code: '' }).then(success);
        return;
      }
      const entry = { name: 'wx.login', code: '' };
      log.push(entry);
      demo(base, `/demo/phones/${owner.id}/login`).then((response) => {
        entry.code = response.code;
        success(response);
      });
    },

    request({ url, method, data, header, success, fail }) {
      log.push({ name: `${method} ${url.slice(base.length)}`, code: data?.code });
      send({ url, method, data, header }).then((response) => {
        log.push({ name: response.errMsg ?? String(response.statusCode) });
        if (response.errMsg) fail(response);
        else success(response);
      });
    },

    getStorageSync: (key) => storage.get(key) ?? '',
    setStorageSync: (key, value) => void storage.set(key, structuredClone(value)),
    removeStorageSync: (key) => void storage.delete(key),
  };

  async function send({ url, method, data, header }) {
    const fault = takeFault('request', 'response', 'proxy', 'portal');
    if (fault === 'request') return { errMsg: 'request:fail' };
    if (fault === 'proxy') return { statusCode: 502, data: '<html>Bad Gateway</html>' };
    if (fault === 'portal') return { statusCode: 200, data: '<html>Sign in to this network</html>' };
    const response = await fetch(url, {
      method,
      headers: { 'Content-Type': 'application/json', ...header },
      body: data && JSON.stringify(data),
    });
    const text = await response.text();
    if (fault === 'response') return { errMsg: 'request:fail timeout' };
    return { statusCode: response.status, data: text && JSON.parse(text) };
  }

  return {
    wx,
    log,
    faults,
    storage,
    phoneNumber: owner.phoneNumber,
    nickName: owner.nickName,
    names: () => log.slice(forgotten).map(({ name }) => name),
    /** names 不再包含此前的记录。 */
    forget: () => void (forgotten = log.length),
    lastCode: () => log.filter(({ name }) => name === 'wx.login').at(-1)?.code,
    detail: (button, how) => demo(base, `/demo/phones/${owner.id}/tap`, { button, ...how }),
    spend: (code) => demo(base, `/demo/phones/${owner.id}/spend`, { code }),
  };
}

module.exports = { demo, newPhone };
