const api = require('../../api');

// 微信不再返回真实的昵称和头像，只能请用户自己选择，而且必须允许不填。
// 这些内容没有微信签名：后端只用来显示，不能作为身份凭证。
Page({
  data: {
    nickname: '',
    photo: '',
    busy: false,
    notice: '',
  },

  // 已选择、还没有上传的图片。
  picture: '',

  /** @param {{ nickname?: string, photo?: string }} query */
  onLoad({ nickname = '', photo = '' }) {
    this.setData({ nickname: decodeURIComponent(nickname), photo: decodeURIComponent(photo) });
  },

  /**
   * avatarUrl 是本机的临时文件，其他设备打不开，所以必须上传。保存时才上传：用户还可能换一张，或者跳过。
   * 用户取消选择时没有 avatarUrl。
   * @param {WechatMiniprogram.CustomEvent<{ avatarUrl?: string }>} e
   */
  onChooseAvatar(e) {
    const { avatarUrl } = e.detail;
    if (!avatarUrl) return;
    this.picture = avatarUrl;
    this.setData({ photo: avatarUrl });
  },

  // 与微信按钮不同，昵称输入框不会触发隐私授权，在用户同意之前只是普通的输入框，所以由页面触发。
  onFocus() {
    // 基础库 2.32.3 起支持。
    if (wx.requirePrivacyAuthorize) wx.requirePrivacyAuthorize({});
  },

  /**
   * 昵称从表单中取，不用 bindinput：微信会审核昵称，不通过时清空输入框，只有提交表单时的内容可靠。
   * @param {WechatMiniprogram.FormSubmit} e
   */
  async onSubmit(e) {
    if (this.data.busy) return;
    this.setData({ busy: true, notice: '' });
    try {
      await this.save(e.detail.value.nickname.trim());
      wx.navigateBack();
    } catch (err) {
      const { message, next } = api.describe(err);
      this.setData({ notice: message });
      if (next === 'signin') this.emitChanged(null);
    }
    this.setData({ busy: false });
  },

  onSkip() {
    wx.navigateBack();
  },

  /**
   * 两个请求各自成功：后一个失败时，再次保存不会重复前一个。
   * @param {string} nickname
   */
  async save(nickname) {
    if (this.picture) {
      this.emitChanged(await api.changeAvatar(this.picture));
      this.picture = '';
    }
    if (nickname && nickname !== this.data.nickname) {
      this.emitChanged(await api.changeNickname(nickname));
      this.setData({ nickname });
    }
  },

  /** @param {import('../../api').User | null} user */
  emitChanged(user) {
    const channel = /** @type {any} */ (this).getOpenerEventChannel();
    channel.emit('changed', user);
  },
});
