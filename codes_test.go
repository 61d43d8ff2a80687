package authing_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
)

// codesFor lists the codes by the sentinel that they match. Those under nil have only a hint.
var codesFor = map[error][]int{
	authing.ErrLoginRequired:   {2020, 2206, 2207, 1921, 1922, 1923, 2401},
	authing.ErrCodeInvalid:     {40029, 40163},
	authing.ErrRateLimited:     {45011, 2100},
	authing.ErrCaptchaRequired: {2000},
	authing.ErrMFARequired:     {1635, 1636},
	authing.ErrUserNotFound:    {2004},
	authing.ErrUserLocked:      {2005},
	authing.ErrWrongPassword:   {2006, 2333, 2203},
	authing.ErrUserExists:      {2026, 2034},
	authing.ErrPhoneTaken:      {2035},
	authing.ErrEmailTaken:      {2200},
	authing.ErrVerifyCode:      {2001, 2300},
	nil: {
		-41003, -1, 500, 1000, 1001, 1576, 1600, 1639, 1640, 1641, 1642, 1643, 1699, 1700, 1701, 1702, 1703, 1704,
		1705, 1706, 1707, 1920, 1924, 2002, 2003, 2007, 2008, 2009, 2010, 2011, 2012, 2013, 2014, 2015, 2016, 2017,
		2018, 2019, 2021, 2022, 2023, 2024, 2025, 2027, 2028, 2029, 2030, 2031, 2032, 2036, 2037, 2038, 2039, 2040,
		2058, 2101, 2201, 2202, 2204, 2205, 2208, 2209, 2210, 2211, 2212, 2213, 2214, 2215, 2216, 2217, 2218, 2219,
		2220, 2221, 2222, 2223, 2224, 2225, 2226, 2227, 2228, 2229, 2230, 2231, 2921, 3012, 3013, 3014, 3617, 3618,
		3619, 3620, 3621, 3622, 3623, 3624, 3829, 4021, 4032, 4033, 4212, 5000, 5001, 5022, 5023, 5024, 5025, 6001,
		6002, 6003, 6004, 7348, 8128, 40013, 40125, 40226, 2120008, 2130010, 2820002,
	},
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for sentinel, codes := range codesFor {
		for _, n := range codes {
			for _, body := range []string{`{"code":%d,"message":"said","data":null}`, `{"code":"%d","message":"said"}`} {
				e, err := bindError(t, 200, fmt.Sprintf(body, n))
				assertOnly(t, sentinel, err, err.Error())
				assert.Equal(t, n, e.Code)
				assert.Regexp(t, fmt.Sprintf(`^authing: BindPhone: said \(code %d, HTTP 200\): .{10}`, n), err.Error(), "a hint")
			}
		}
	}
}

// The tables of the service have gaps and grow.
func TestUnknownCodes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-2, 1, 100, 201, 400, 1601, 1708, 2033, 2041, 2057, 9999, 40164, math.MaxInt32} {
		e, err := bindError(t, 200, fmt.Sprintf(`{"code":%d,"message":"said","data":{"x":1}}`, n))
		assertOnly(t, nil, err, err.Error())
		assert.Equal(t, n, e.Code)
		assert.Equal(t, "said", e.Message)
		assert.Equal(t, `{"x":1}`, string(e.Data))
		assert.EqualError(t, err, fmt.Sprintf("authing: BindPhone: said (code %d, HTTP 200)", n))
	}
}

// What WeChat's code means does not depend on the call.
func TestCodeInvalidOfEveryCall(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		client, _ := setup(t, 200, `{"code":40163,"message":"code been used","data":null}`)
		_, err := call.do(context.Background(), client.As(token), code, call.detail)
		assertOnly(t, authing.ErrCodeInvalid, err, call.op)
	})
}
