package authingtest

import (
	"bytes"
	"crypto/sha256"
	"image"
	"image/color"
	"image/png"
)

// TempFile is a file that WeChat hands to the page. A page gets only its path, and sends it to its backend with
// wx.uploadFile.
type TempFile struct {
	Path    string // as in e.detail.avatarUrl
	Content []byte
}

// ChooseAvatar simulates choosing a picture with a chooseAvatar button. The picture is a small PNG, the same on all
// phones of the user; other users choose different ones.
func (p *Phone) ChooseAvatar() TempFile {
	return TempFile{Path: "http://tmp/" + randomString(alphanumerics, 32) + ".png", Content: picture(p.user.OpenID)}
}

// picture returns a PNG of 132 by 132 pixels, the size of WeChat's avatars: a symmetric pattern derived from seed.
func picture(seed string) []byte {
	const cells, cell, margin = 5, 20, 16
	sum := sha256.Sum256([]byte(seed))
	ground := color.NRGBA{0xe9, 0xee, 0xf3, 0xff}
	ink := color.NRGBA{0x30 + sum[29]/2, 0x30 + sum[30]/2, 0x30 + sum[31]/2, 0xff}
	img := image.NewPaletted(image.Rect(0, 0, 2*margin+cells*cell, 2*margin+cells*cell), color.Palette{ground, ink})
	for y := range cells * cell {
		for x := range cells * cell {
			column := min(x/cell, cells-1-x/cell)
			img.SetColorIndex(margin+x, margin+y, sum[y/cell*cells+column]&1)
		}
	}
	var b bytes.Buffer
	png.Encode(&b, img) // a bytes.Buffer never fails
	return b.Bytes()
}
