// 隐私授权弹窗。getUserInfo、getPhoneNumber 和 chooseAvatar 都是隐私接口：
// 用户同意《用户隐私保护指引》之前，微信会先触发 onNeedPrivacyAuthorization，并等待页面的答复。不答复，接口就一直没有结果。

/** @typedef {{ event: 'exposureAuthorization' | 'disagree' } | { event: 'agree', buttonId: string }} Answer */

/**
 * 等待答复的接口，可能不止一个，也可能来自已经关闭的页面。用户的答复对所有页面有效。
 * @type {((answer: Answer) => void)[]}
 */
const waiting = [];

Component({
  data: {
    asking: false,
  },

  pageLifetimes: {
    // 只有最后一次注册的监听有效，所以每次显示页面都要重新注册，否则弹窗会出现在另一个页面。
    show() {
      // 基础库 2.32.3 起支持；更早的版本没有隐私授权。
      if (!wx.onNeedPrivacyAuthorization) return;
      wx.onNeedPrivacyAuthorization((/** @type {any} */ resolve) => {
        waiting.push(resolve);
        this.setData({ asking: true });
        // 告知微信弹窗已经显示，否则微信可能再弹出自己的弹窗。
        resolve({ event: 'exposureAuthorization' });
      });
    },
  },

  methods: {
    onRead() {
      wx.openPrivacyContract({});
    },

    // 微信会检查用户是否真的点击了 buttonId 指定的按钮。
    onAgree() {
      this.answer({ event: 'agree', buttonId: 'agree' });
    },

    onRefuse() {
      this.answer({ event: 'disagree' });
    },

    /** @param {Answer} answer */
    answer(answer) {
      this.setData({ asking: false });
      for (const resolve of waiting.splice(0)) resolve(answer);
    },
  },
});
