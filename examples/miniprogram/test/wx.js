/**
 * 请求演示服务；失败就是测试环境坏了。
 * @returns {Promise<any>}
 */
async function demo(base, path, body) {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}：${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/**
 * 一台新手机，机主是新用户。wx 只实现页面用到的部分，由演示服务扮演微信。
 * @param {string} base
 * @param {{ phoneNumber?: string }} [who]
 */
async function newPhone(base, who = {}) {
  const owner = await demo(base, '/demo/phones', who);
  const storage = new Map();
  /** 按发生的先后记录。 @type {{ name: string, code?: string, refused?: boolean }[]} */
  const log = [];
  let forgotten = 0;
  /** 依次发生的故障，各用一次：login、no code（成功却没有 code）、request（没有送达）、answer（送达但收不到答复）、proxy（代理的报错页）、portal（顶替答复的网页）。 @type {string[]} */
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
      demo(base, `/demo/phones/${owner.id}/login`).then((answer) => {
        entry.code = answer.code;
        success(answer);
      });
    },

    request({ url, method, data, header, success, fail }) {
      log.push({ name: `${method} ${url.slice(base.length)}`, code: data?.code });
      send({ url, method, data, header }).then((answer) => {
        log.push({ name: answer.errMsg ?? String(answer.statusCode) });
        if (answer.errMsg) fail(answer);
        else success(answer);
      });
    },

    getStorageSync: (key) => storage.get(key) ?? '',
    setStorageSync: (key, value) => void storage.set(key, structuredClone(value)),
    removeStorageSync: (key) => void storage.delete(key),
  };

  async function send({ url, method, data, header }) {
    const fault = takeFault('request', 'answer', 'proxy', 'portal');
    if (fault === 'request') return { errMsg: 'request:fail' };
    if (fault === 'proxy') return { statusCode: 502, data: '<html>Bad Gateway</html>' };
    if (fault === 'portal') return { statusCode: 200, data: '<html>Sign in to this network</html>' };
    const answer = await fetch(url, {
      method,
      headers: { 'Content-Type': 'application/json', ...header },
      body: data && JSON.stringify(data),
    });
    const text = await answer.text();
    if (fault === 'answer') return { errMsg: 'request:fail timeout' };
    return { statusCode: answer.status, data: text && JSON.parse(text) };
  }

  return {
    wx,
    log,
    faults,
    storage,
    phoneNumber: owner.phoneNumber,
    nickName: owner.nickName,
    names: () => log.slice(forgotten).map(({ name }) => name),
    /** 此前的记录不再出现在 names 里。 */
    forget: () => void (forgotten = log.length),
    lastCode: () => log.filter(({ name }) => name === 'wx.login').at(-1)?.code,
    detail: (button, how) => demo(base, `/demo/phones/${owner.id}/tap`, { button, ...how }),
    spend: (code) => demo(base, `/demo/phones/${owner.id}/spend`, { code }),
  };
}

module.exports = { demo, newPhone };
