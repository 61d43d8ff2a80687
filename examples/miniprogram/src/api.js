const config = require('./config');

const TOKEN = 'token';
const SIGNED_OUT = 'signedOut';

// 本机存储可能读写失败（例如空间已满）。这时以内存中的 token 为准，登录或退出在小程序关闭之前仍然有效。
// undefined 表示存储可用，以存储为准；空字符串表示已退出，但没能从存储中删除。
/** @type {string | undefined} */
let unsaved;

/** @returns {string} */
function readToken() {
  if (unsaved !== undefined) return unsaved;
  return tryStorage(() => wx.getStorageSync(TOKEN)) || '';
}

/** @param {string} token */
function saveToken(token) {
  const saved = tryStorage(() => {
    wx.setStorageSync(TOKEN, token);
    return wx.getStorageSync(TOKEN) === token;
  });
  // 存储中可能还有上一个用户的 token，不能留到下次打开。
  if (!saved) removeToken();
  unsaved = saved ? undefined : token;
}

function removeToken() {
  const removed = tryStorage(() => {
    wx.removeStorageSync(TOKEN);
    return true;
  });
  unsaved = removed ? undefined : '';
}

/**
 * @template T
 * @param {() => T} access
 * @returns {T | undefined}
 */
function tryStorage(access) {
  try {
    return access();
  } catch (err) {
    console.warn(err);
    return undefined;
  }
}

// 后端每次调用 Authing 最多等 10 秒，读取失败会重试一次；GET /api/me 要读取两次，最长约 40 秒。
// 页面的超时必须更长，否则会先断开，收不到“结果未知”这类响应。60 秒是微信允许的上限。
const TIMEOUT = 60000;

/** @typedef {{ id: string, nickname: string, photo: string, phone: string, phoneVerified: boolean }} User */

/**
 * 按钮事件的 e.detail。页面只检查 errMsg，其余字段原样发给后端。个别客户端不返回 errMsg。
 * @typedef {{ errMsg?: string }} Detail
 */

/**
 * message 展示给用户；next 决定页面的下一步，取值与后端一致：login、signin、retry、none。
 * @typedef {Error & { reason: string, next: string }} Failure
 */

/**
 * 不用 class 继承 Error，因为编译成 ES5 后 instanceof 不可靠。
 * @param {{ reason: string, message: string, next: string }} error
 * @returns {Failure}
 */
function failure({ reason, message, next }) {
  return Object.assign(new Error(message), { reason, next });
}

// 响应不是后端返回的，多半来自中间代理。请求是否到达、code 是否已使用都不确定，按已使用处理。
const badResponse = { reason: 'bad_response', message: '服务暂时不可用，请稍后再点一次。', next: 'login' };

/**
 * 用户只看页面自己的提示。其他错误（例如微信接口抛出的异常）写入日志；code 可能已使用，所以按结果未知处理。
 * @param {unknown} err
 */
function describe(err) {
  console.warn(err);
  const { message, next } = /** @type {Failure} */ (Object(err));
  return message && next ? { message, next } : { message: '操作未完成，请再点一次。', next: 'login' };
}

/**
 * @param {any} body
 * @returns {User}
 */
function userOf(body) {
  if (!body || !body.user) throw failure(badResponse);
  return body.user;
}

/**
 * 调用 wx.login 获取新的 code。
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

/** 让后端返回中文的 message，与页面语言一致。 */
function header() {
  const token = readToken();
  return { 'Accept-Language': 'zh-CN', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
}

/**
 * 从响应中取出结果，失败时抛出 Failure。收到响应就会触发 success，与状态码无关。
 * @param {number} statusCode
 * @param {any} data
 */
function resultOf(statusCode, data) {
  // 有些公共网络会返回自己的登录页，状态码也是 200，所以只接受 JSON。
  if (statusCode === 204 || (statusCode === 200 && data && typeof data === 'object')) return data;
  const { error } = Object(data);
  const known = error && error.message && error.next;
  if (known && error.next === 'signin') removeToken();
  throw failure(known ? error : badResponse);
}

// 断网或超时时，请求可能已经到达后端。
const noResponse = { reason: 'network', message: '没有收到服务器的响应，请检查网络后再点一次。', next: 'login' };

/**
 * @param {'GET' | 'POST' | 'PUT'} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function request(method, path, body) {
  /** @type {{ statusCode: number, data: any }} */
  const { statusCode, data } = await new Promise((resolve, reject) => {
    wx.request({
      url: config.baseURL + path,
      method,
      data: body,
      timeout: TIMEOUT,
      header: header(),
      success: resolve,
      fail: () => reject(failure(noResponse)),
    });
  });
  return resultOf(statusCode, data);
}

/**
 * @param {string} path
 * @param {string} filePath
 * @returns {Promise<any>}
 */
async function upload(path, filePath) {
  /** @type {{ statusCode: number, data: string }} */
  const { statusCode, data } = await new Promise((resolve, reject) => {
    wx.uploadFile({
      url: config.baseURL + path,
      filePath,
      name: 'file',
      timeout: TIMEOUT,
      header: header(),
      success: resolve,
      fail: () => reject(failure(noResponse)),
    });
  });
  return resultOf(statusCode, parseJSON(data));
}

/**
 * wx.request 会解析 JSON，wx.uploadFile 不会。
 * @param {string} text
 */
function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch (err) {
    return undefined;
  }
}

/** 本机是否保存了 token。token 是否有效由后端判断。 */
function hasToken() {
  return Boolean(readToken());
}

/** 用户主动退出后还没有再次登录。关闭小程序之后仍然有效。 */
function isSignedOut() {
  return Boolean(tryStorage(() => wx.getStorageSync(SIGNED_OUT)));
}

/**
 * 后端使用 authingv3 包时不需要 detail。
 * @param {string} code
 * @param {Detail} [detail]
 * @returns {Promise<User>}
 */
async function signIn(code, detail) {
  const body = await request('POST', '/api/login', { code, detail });
  const user = userOf(body);
  if (!body.token) throw failure(badResponse);
  saveToken(body.token);
  tryStorage(() => wx.removeStorageSync(SIGNED_OUT));
  return user;
}

/**
 * @param {string} code
 * @param {Detail} detail
 * @returns {Promise<User>}
 */
async function bindPhone(code, detail) {
  const body = await request('POST', '/api/phone', { code, detail });
  const user = userOf(body);
  // 后端使用 authingv3 包时，绑定会得到新的 token。
  if (body.token) saveToken(body.token);
  return user;
}

/** @returns {Promise<User>} */
async function me() {
  return userOf(await request('GET', '/api/me'));
}

/**
 * 把 chooseAvatar 选择的图片（临时文件）上传到后端。
 * @param {string} filePath
 * @returns {Promise<User>}
 */
async function changeAvatar(filePath) {
  return userOf(await upload('/api/avatar', filePath));
}

/**
 * wx.request 不支持 PATCH，所以用 PUT。
 * @param {string} nickname
 * @returns {Promise<User>}
 */
async function changeNickname(nickname) {
  return userOf(await request('PUT', '/api/me', { nickname }));
}

async function signOut() {
  try {
    await request('POST', '/api/logout');
  } finally {
    // 即使后端不可用，用户也必须能在本机退出。
    removeToken();
    tryStorage(() => wx.setStorageSync(SIGNED_OUT, true));
  }
}

module.exports = { newCode, hasToken, isSignedOut, signIn, bindPhone, me, changeAvatar, changeNickname, signOut, describe };
