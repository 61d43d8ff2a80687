package recordings_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/authing-wxapp/authing"
)

// situation is all that decides what a step has to do.
type situation struct {
	recordedCase
	step      recordedStep
	method    method
	given     map[string]any // the options
	in        wxappInput     // of the methods that spend a code
	token     string
	adrift    bool       // the original may act with another token
	held      []string   // the tokens it may act with then
	deviation *deviation // nil: as recorded
}

func newSituation(c recordedCase, step recordedStep, options any, token string) situation {
	s := situation{recordedCase: c, step: step, method: methods[step.Method], token: token}
	s.given, _ = options.(map[string]any)
	if s.spendsCode() {
		s.in, _ = decoded[wxappInput](options) // what cannot be read is not called with
	}
	return s
}

func (s situation) deviates() *deviation {
	for _, d := range deviations {
		if d.applies(s) {
			return &d
		}
	}
	return nil
}

// detailsOf names the methods that spend a code and the errMsg values they take. The original takes the first only;
// decrypt has no detail.
var detailsOf = map[string][]string{
	"loginWithWxapp": {"getUserInfo:ok", "getUserProfile:ok"},
	"bindPhone":      {"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"},
	"getPhone":       {"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"},
	"decrypt":        nil,
}

// optionalTexts names the options that hold no control characters, besides those that a method needs.
var optionalTexts = map[string][]string{
	"loginWithWxapp": {"phone"},
	"login":          {"email", "username", "unionid", "lastIP", "verifyCode"},
	"register":       {"email", "username", "unionid", "nickname", "photo", "registerMethod", "lastIP"},
	"update": {"email", "username", "nickname", "company", "photo", "phone", "browser", "token", "tokenExpiredAt",
		"lastLogin", "lastIP", "signedUp"},
}

// deviation is a rule by which Go does something else than the original, or says more about a failure.
type deviation struct {
	reason  string
	applies func(situation) bool
	kind    error  // what the error matches
	unsent  bool   // nothing is sent, whatever was recorded
	quotes  bool   // Error.Message is WeChat's errMsg
	returns string // the result of a success that nothing was sent for

	succeeds   bool // with the result in the answer, whatever was recorded
	unrecorded bool // sends what the original does not
}

// deviations are in order of precedence: the first that applies decides.
var deviations = []deviation{
	{
		reason:  "bindPhone without a token stops; the original rejects but sends all the same",
		applies: func(s situation) bool { return s.isOneOf("bindPhone") && s.token == "" },
		kind:    authing.ErrLoginRequired, unsent: true,
	},
	{
		reason:  "checkLoginStatus without a token knows the answer; the original asks if it still has one",
		applies: func(s situation) bool { return s.isOneOf("checkLoginStatus") && s.token == "" },
		unsent:  true, succeeds: true, returns: `{"code":2020,"status":false,"message":"未登录"}`,
	},
	{
		reason: "a token that cannot stand in a header is refused; the original sends it",
		applies: func(s situation) bool {
			return !s.method.anonymous && !isSendable(s.token)
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a refusal of the user has a sentinel of its own; the original rejects with the bare errMsg",
		applies: func(s situation) bool {
			return detailsOf[s.step.Method] != nil && containsAny(s.in.Detail.ErrMsg, "deny", "denied", "cancel")
		},
		kind: authing.ErrUserRefused, unsent: true, quotes: true,
	},
	{
		reason: "a detail that failed, is absent or of another API is a bad argument; the original rejects with errMsg, " +
			"or dies of a TypeError",
		applies: func(s situation) bool {
			accepted := detailsOf[s.step.Method]
			return accepted != nil && !slices.Contains(accepted, s.in.Detail.ErrMsg)
		},
		kind: authing.ErrInvalidArgument, unsent: true, quotes: true,
	},
	{
		reason: "what cannot be a code of wx.login is refused; the original sends it",
		applies: func(s situation) bool {
			code := s.in.Code
			return s.spendsCode() && (code == "" || code == s.in.Detail.PhoneCode ||
				strings.ContainsFunc(code, unicode.IsSpace) || strings.ContainsFunc(code, unicode.IsControl))
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "without iv and ciphertext there is nothing to decrypt; the original sends what there is",
		applies: func(s situation) bool {
			iv, data := s.in.Detail.IV, s.in.Detail.EncryptedData
			if s.isOneOf("decrypt") {
				iv, data = s.in.IV, s.in.EncryptedData
			}
			return s.spendsCode() && (iv == "" || data == "")
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "what a call needs is asked for before sending; the original throws a text, or sends nothing in its place",
		applies: func(s situation) bool {
			return slices.ContainsFunc(s.method.needs, func(name string) bool {
				return s.given[name] == nil || s.given[name] == ""
			})
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "who signs in or registers has a name; the original sends a mutation about nobody",
		applies: func(s situation) bool {
			return s.isOneOf("login", "register") && s.text("email", "username", "unionid") == ""
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "both passwords or none; the original sends a lone old one in clear, and an empty one",
		applies: func(s situation) bool {
			changes := s.given["password"] != nil || s.given["oldPassword"] != nil
			return s.isOneOf("update") && changes && (s.text("password") == "" || s.text("oldPassword") == "")
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a password of more bytes than can be encrypted is refused; the original sends the word false or dies",
		applies: func(s situation) bool {
			const limit = 117 // of a key of 1024 bits
			return s.isOneOf("login", "register", "update", "changePassword") &&
				max(len(s.text("password")), len(s.text("oldPassword"))) > limit
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a texted code that is not all digits, or does not fit an Int, is refused; the original sends what it can " +
			"read",
		applies: func(s situation) bool {
			in, _ := decoded[phoneInput](s.given)
			_, err := strconv.ParseInt(string(in.PhoneCode), 10, 32)
			return s.isOneOf("loginByPhoneCode") && (err != nil || strings.ContainsAny(string(in.PhoneCode), "+-"))
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a phone number that would change the URL is refused; the original sends it",
		applies: func(s situation) bool {
			phone := s.text("phone")
			return s.isOneOf("getVerificationCode") &&
				(phone == "." || phone == ".." || strings.ContainsAny(phone, `/\?#%`))
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "control characters are refused, but in passwords and in texts that are the caller's own; the original " +
			"sends them",
		applies: func(s situation) bool {
			texts := append(slices.Clone(s.method.needs), optionalTexts[s.step.Method]...)
			return slices.ContainsFunc(texts, func(name string) bool {
				return name != "password" && strings.ContainsFunc(s.text(name), unicode.IsControl)
			})
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "pages are not counted from below zero; the original sends any number",
		applies: func(s situation) bool {
			return s.isOneOf("getAuthedAppList") && min(s.number("page"), s.number("count")) < 0
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "what GraphQL's Int cannot hold is refused; the original sends it",
		applies: func(s situation) bool {
			return s.isOneOf("getAuthedAppList") && max(s.number("page"), s.number("count")) > math.MaxInt32 ||
				s.isOneOf("update") && (s.number("loginsCount") > math.MaxInt32 || s.number("loginsCount") < math.MinInt32)
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason:  "without a picture there is nothing to upload; the original waits for ever when the picker is closed",
		applies: func(s situation) bool { return s.isOneOf("changeAvatar") && s.given["picked"] != true },
		kind:    authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "details of newer WeChat APIs are sent; the original did not know them, so there is no answer to play",
		applies: func(s situation) bool {
			accepted := detailsOf[s.step.Method]
			return accepted != nil && s.in.Detail.ErrMsg != accepted[0]
		},
		kind: authing.ErrOutcomeUnknown, unrecorded: true,
	},
	{
		reason: "what the original cannot do by mistake is done, so there is no answer to play: getAuthedAppList uses a " +
			"client that does not exist, sendVerifyEmail one that only _auth makes, changePassword and unbindEmail ask " +
			"for a client that they do not use, and checkLoginStatus does not know of a login by LDAP",
		applies: func(s situation) bool {
			lacksClient := s.isOneOf("changePassword", "unbindEmail") && !isTrue(s.given["client"])
			lostToken := s.isOneOf("checkLoginStatus") && s.adrift
			return len(s.step.Sent) == 0 && (s.isOneOf("getAuthedAppList", "sendVerifyEmail") || lacksClient || lostToken)
		},
		unrecorded: true,
	},
	{
		reason: "a good answer is a success; the original stumbles over it",
		applies: func(s situation) bool {
			return s.isOneOf("loginByLDAP", "revokeAuthedApp") && s.tagged("engine-error-leaks") && s.verdict() == good
		},
		succeeds: true,
	},
	{
		reason:   "an empty list of errors is none; the original waits for ever",
		applies:  func(s situation) bool { return s.tagged("never-settles") && s.verdict() == good },
		succeeds: true,
	},
	{
		reason: "the caller has the token of every login that succeeded; the original has lost it, and rejects",
		applies: func(s situation) bool {
			return s.isOneOf("bindPhone") && s.adrift && !s.succeeded() && s.verdict() == good
		},
		succeeds: true,
	},
	{
		reason: "an avatar needs a token and an upload under HTTP 200; the original goes on without",
		applies: func(s situation) bool {
			_, requests := s.reply()
			return s.isOneOf("changeAvatar") && s.verdict() != good && requests < len(s.step.Sent)
		},
	},
	{
		reason: "any entry in errors is a failure; the original takes one with code 200 for a success",
		applies: func(s situation) bool {
			return s.tagged("graphql-errors-ignored") && s.succeeded() && s.verdict() == refused
		},
	},
	{
		reason: "a refusal inside data is one; the original hands it over",
		applies: func(s situation) bool {
			return s.succeeded() && s.verdict() == refused && refusalInside(s.step.Outcome.Value) != nil
		},
	},
	{
		reason: "a success without what it promises is an error; the original hands over the envelope, null, {} or an " +
			"empty text",
		applies: func(s situation) bool {
			parts := s.method.parts
			kept := len(parts) > 0 && keeps(parts[len(parts)-1].promised, s.step.Outcome.Value)
			return s.succeeded() && s.verdict() != good && (!kept || s.tagged("resolves-empty-answer"))
		},
		kind: authing.ErrBadResponse,
	},
}

func containsAny(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(s, word) })
}

func (s situation) isOneOf(methods ...string) bool { return slices.Contains(methods, s.step.Method) }

func (s situation) spendsCode() bool {
	_, spends := detailsOf[s.step.Method]
	return spends
}

func (s situation) tagged(defect string) bool { return slices.Contains(s.step.JSDefects, defect) }

func (s situation) verdict() verdict {
	last, _ := s.reply()
	return last.verdict
}

func (s situation) succeeded() bool { return s.step.Outcome.Kind == "resolved" }

// text returns the first of the options that is a text and not empty.
func (s situation) text(names ...string) string {
	for _, name := range names {
		if text, _ := s.given[name].(string); text != "" {
			return text
		}
	}
	return ""
}

func (s situation) number(name string) float64 {
	n, _ := s.given[name].(float64)
	return n
}

// answer returns the i-th answer. To a request that the original did not send there is none, and the transport closes
// the connection.
func (s situation) answer(i int) serverAnswer {
	if i < len(s.step.Answers) {
		return s.step.Answers[i]
	}
	return serverAnswer{Drop: true}
}

// reply returns what decides about the step, the first answer that is no success or else the last, and how many
// requests that takes.
func (s situation) reply() (last reply, requests int) {
	for i, part := range s.method.parts {
		last = part.read(s.answer(i))
		if requests = i + 1; last.verdict != good {
			break
		}
	}
	return last, requests
}

// result is what a success has to return.
func (s situation) result() json.RawMessage {
	switch d := s.deviation; {
	case d == nil:
		return s.step.Outcome.Value
	case d.returns != "":
		return json.RawMessage(d.returns)
	}
	last, _ := s.reply()
	return last.result
}
