const config = require('./config');

const TOKEN = 'token';

// 后端每次最多等 Authing 10 秒，读取失败会再试一次；GET /api/me 要读取两项，加起来可达 40 秒。
// 页面等得不比它短，才听得到“结果未知”这样的答复，而不是自己先断开、什么都不知道。60 秒是微信允许的最长时间。
const TIMEOUT = 60000;

/** @typedef {{ id: string, nickname: string, photo: string, phone: string, phoneVerified: boolean }} User */

/**
 * 按钮事件的 e.detail。页面只看 errMsg，其余原样交给后端。
 * @typedef {{ errMsg: string }} Detail
 */

/**
 * message 给用户看；next 告诉页面怎么办，取值与后端相同：login、signin、retry、none。
 * @typedef {Error & { reason: string, next: string }} Failure
 */

/**
 * 不用 class 继承 Error：编译成 ES5 之后 instanceof 不一定可靠。
 * @param {{ reason: string, message: string, next: string }} error
 * @returns {Failure}
 */
function failure({ reason, message, next }) {
  return Object.assign(new Error(message), { reason, next });
}

/**
 * 用 wx.login 换一个新 code。
 * @returns {Promise<string>}
 */
function newCode() {
  const failed = { reason: 'wx_login', message: '微信登录失败，请检查网络后重试。', next: 'retry' };
  return new Promise((resolve, reject) => {
    wx.login({
      timeout: TIMEOUT,
      success: ({ code }) => (code ? resolve(code) : reject(failure(failed))),
      fail: () => reject(failure(failed)),
    });
  });
}

/**
 * @param {'GET' | 'POST'} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
function request(method, path, body) {
  const token = wx.getStorageSync(TOKEN);
  return new Promise((resolve, reject) => {
    wx.request({
      url: config.baseURL + path,
      method,
      data: body,
      timeout: TIMEOUT,
      header: {
        // 后端据此选择 message 的语言，要与页面上的文字一致。
        'Accept-Language': 'zh-CN',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      // 只要收到答复就算 success，不论状态码是多少。
      success({ statusCode, data }) {
        // 有些网络会用登录网页顶替答复，状态码也是 200：不是 JSON 的不算。
        if (statusCode === 204 || (statusCode === 200 && typeof data === 'object')) {
          resolve(data);
          return;
        }
        const { error } = Object(data);
        if (error && error.next === 'signin') wx.removeStorageSync(TOKEN);
        // 没有 error 的答复不是后端给的，多半来自中间的代理：请求有没有到达、code 用没用掉都不知道，只能当作用掉了。
        reject(failure(error || { reason: 'bad_answer', message: '服务暂时不可用，请稍后再点一次。', next: 'login' }));
      },
      // 断网或超时也一样：请求可能已经到达。
      fail: () => reject(failure({ reason: 'network', message: '没有收到服务器的答复，请检查网络后再点一次。', next: 'login' })),
    });
  });
}

/** 本机存有 token。它是否仍然有效，只有后端知道。 */
function hasToken() {
  return Boolean(wx.getStorageSync(TOKEN));
}

/**
 * @param {string} code
 * @param {Detail} detail
 * @returns {Promise<User>}
 */
async function signIn(code, detail) {
  const { token, user } = await request('POST', '/api/login', { code, detail });
  wx.setStorageSync(TOKEN, token);
  return user;
}

/**
 * @param {string} code
 * @param {Detail} detail
 * @returns {Promise<User>}
 */
async function bindPhone(code, detail) {
  return (await request('POST', '/api/phone', { code, detail })).user;
}

/** @returns {Promise<User>} */
async function me() {
  return (await request('GET', '/api/me')).user;
}

async function signOut() {
  try {
    await request('POST', '/api/logout');
  } finally {
    // 后端不可用时，用户也必须能在这台手机上退出。
    wx.removeStorageSync(TOKEN);
  }
}

module.exports = { newCode, hasToken, signIn, bindPhone, me, signOut };
