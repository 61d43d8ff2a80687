package authingtest

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"math"
	"net/http"
	"time"
)

// uploadTokenLifetime is the value recommended in the storage's documentation.
const uploadTokenLifetime = time.Hour

func (s *Server) qiNiuUploadToken(call graphqlCall) (any, *envelope) {
	if _, apiErr := s.authorizedAccount(call, "", 1001); apiErr != nil {
		return nil, apiErr
	}
	token := randomString(alphanumerics, 40) + ":" + randomString(alphanumerics, 27) + "=:" + randomString(alphanumerics, 64)
	s.uploadTokens.set(token, s.opts.Clock().Add(uploadTokenLifetime), keepOthers)
	return token, nil
}

func storageError(status int, message string) reply {
	return reply{status: status, body: jsonText(object{"error": message})}
}

// routeStorage registers the upload endpoint and the CDN that serves the uploaded images.
func (s *Server) routeStorage(mux *http.ServeMux) {
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, operation{"Upload", func() reply { return s.upload(r) }, func(e *envelope) reply {
			return storageError(http.StatusBadRequest, e.Message)
		}, s.opts.WeChatError})
	})
	mux.HandleFunc("GET /cdn/{key...}", func(w http.ResponseWriter, r *http.Request) {
		image, ok := s.image(r.PathValue("key"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", http.DetectContentType(image))
		w.Write(image)
	})
}

func (s *Server) image(key string) (image []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	image = s.images.get(key)
	return image, image != nil
}

// upload stores the file of a multipart form. Like the real storage it does not overwrite a different file.
func (s *Server) upload(r *http.Request) reply {
	if r.ContentLength < 0 { // the real storage does not accept chunked uploads
		return storageError(http.StatusLengthRequired, "missing content length")
	}
	const maxMemory = 1 << 20
	if err := r.ParseMultipartForm(maxMemory); err != nil {
		return storageError(http.StatusBadRequest, "parse multipart failed")
	}
	defer r.MultipartForm.RemoveAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	token := r.PostForm.Get("token")
	expires := s.uploadTokens.get(token)
	switch {
	case token == "":
		return storageError(http.StatusBadRequest, "token not specified")
	case expires.IsZero():
		return storageError(http.StatusUnauthorized, "bad token")
	case !s.opts.Clock().Before(expires):
		return storageError(http.StatusUnauthorized, "expired token")
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		return storageError(http.StatusBadRequest, "file is not specified in multipart")
	}
	defer file.Close()
	if header.Size > s.opts.UploadLimit {
		return storageError(http.StatusRequestEntityTooLarge, "request entity too large")
	}
	image, err := io.ReadAll(file)
	if err != nil {
		return storageError(http.StatusBadRequest, "read multipart data failed")
	}
	sum := sha1.Sum(image)
	hash := base64.URLEncoding.EncodeToString(append([]byte{0x16}, sum[:]...))
	key := r.PostForm.Get("key")
	if key == "" {
		key = hash
	}
	if stored := s.images.get(key); stored != nil && !bytes.Equal(stored, image) {
		const fileExists = 614
		return storageError(fileExists, "file exists")
	}
	s.storeImage(key, image)
	return reply{status: http.StatusOK, body: jsonText(object{"hash": hash, "key": key})}
}

// storeImage makes room for image by dropping the oldest ones.
func (s *Server) storeImage(key string, image []byte) {
	s.imageBytes += len(image) - len(s.images.get(key))
	s.images.set(key, image, math.MaxInt)
	for len(s.images.order) > keepOthers || s.imageBytes > keepBodies && len(s.images.order) > 1 {
		s.imageBytes -= len(s.images.dropOldest())
	}
}
