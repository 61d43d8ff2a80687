const assert = require('node:assert/strict');

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
 * 新用户的新手机。wx 只实现页面用到的接口，由演示服务模拟微信。用户已同意《用户隐私保护指引》，除非 privacy.needed。
 * @param {string} base
 * @param {{ phoneNumber?: string }} [who]
 */
async function newPhone(base, who = {}) {
  const owner = await demo(base, '/demo/phones', who);
  const storage = new Map();
  /** 按时间顺序的记录。 @type {{ name: string, code?: string, refused?: boolean }[]} */
  const log = [];
  let forgotten = 0;
  /** tapped：用户点击过的同意按钮；shown：页面报告过弹窗；ask：页面注册的监听。 @type {{ needed: boolean, tapped: string, shown: boolean, ask?: (resolve: Function) => void }} */
  const privacy = { needed: false, tapped: '', shown: false };
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

    uploadFile({ url, filePath, name, header, success, fail }) {
      log.push({ name: `POST ${url.slice(base.length)}` });
      sendFile({ url, filePath, name, header }).then((response) => {
        log.push({ name: response.errMsg ?? String(response.statusCode) });
        if (response.errMsg) fail(response);
        else success(response);
      });
    },

    onNeedPrivacyAuthorization: (listener) => void (privacy.ask = listener),
    requirePrivacyAuthorize: () => void consent(),
    openPrivacyContract: () => void log.push({ name: 'wx.openPrivacyContract' }),

    getStorageSync: (key) => storage.get(key) ?? '',
    setStorageSync: (key, value) => void storage.set(key, structuredClone(value)),
    removeStorageSync: (key) => void storage.delete(key),
  };

  async function send({ url, method, data, header }) {
    const headers = { 'Content-Type': 'application/json', ...header };
    const response = await exchange(url, { method, headers, body: data && JSON.stringify(data) });
    return response.statusCode && !response.fault ? { ...response, data: response.data && JSON.parse(response.data) } : response;
  }

  /** wx.uploadFile 不解析响应，data 是文本。 */
  async function sendFile({ url, filePath, name, header }) {
    const body = new FormData();
    body.append(name, await (await fetch(base + filePath)).blob(), 'tmp.png');
    return exchange(url, { method: 'POST', headers: header, body });
  }

  /** @returns {Promise<{ errMsg?: string, statusCode?: number, data?: any, fault?: string }>} */
  async function exchange(url, options) {
    const fault = takeFault('request', 'response', 'proxy', 'portal');
    if (fault === 'request') return { errMsg: 'request:fail' };
    if (fault === 'proxy') return { fault, statusCode: 502, data: '<html>Bad Gateway</html>' };
    if (fault === 'portal') return { fault, statusCode: 200, data: '<html>Sign in to this network</html>' };
    const response = await fetch(url, options);
    const data = await response.text();
    return fault === 'response' ? { errMsg: 'request:fail timeout' } : { statusCode: response.status, data };
  }

  /** 点击微信按钮的 e.detail。需要隐私授权时，先等待页面的答复。 */
  async function detail(button, { buttonId, ...how }) {
    if (button === 'agreePrivacyAuthorization') {
      privacy.tapped = buttonId;
      return {};
    }
    if (!(await consent())) return { errMsg: `${button}:fail privacy permission is not authorized`, errno: 104 };
    return demo(base, `/demo/phones/${owner.id}/tap`, { button, ...how });
  }

  /** 用户是否同意《用户隐私保护指引》；需要时询问页面。 */
  async function consent() {
    if (!privacy.needed) return true;
    const answer = await new Promise((resolve) => privacy.ask?.((answer) => {
      if (answer.event === 'exposureAuthorization') privacy.shown = true;
      else resolve(answer);
    }));
    privacy.needed = answer.event !== 'agree' || answer.buttonId !== privacy.tapped;
    return !privacy.needed;
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
    privacy,
    detail,
    spend: (code) => demo(base, `/demo/phones/${owner.id}/spend`, { code }),
  };
}

/**
 * 所有用例都要满足：code 在点击之前获取，只发送一次，请求结束后立即更换。
 * @param {{ name: string, code?: string, refused?: boolean }[]} log
 */
function checkCodes(log) {
  const sent = new Set();
  let fresh = '';
  let used = false;
  let tapped = false;
  for (const { name, code, refused } of log) {
    if (name.startsWith('tap get')) tapped = !refused;
    if (name.startsWith('wx.login')) {
      assert.ok(!tapped, '在点击之后、请求之前调用了 wx.login');
      fresh = code ?? '';
      used = false;
    } else if (code) {
      assert.equal(code, fresh, '发送的不是最近一次 wx.login 的 code');
      assert.ok(!sent.has(code), '同一个 code 发送了两次');
      sent.add(code);
      used = true;
    } else if (!name.startsWith('tap')) {
      tapped = false;
    }
  }
  assert.ok(!used, 'code 使用后没有更换');
}

module.exports = { checkCodes, demo, newPhone };
