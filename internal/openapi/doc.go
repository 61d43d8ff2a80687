// Package openapi checks what package authingv3 sends, and what package authingtest replies, against Authing's own OpenAPI
// document. It is a module of its own, because the validator is for this check alone.
//
// The document is not part of this repository. AUTHING_OPENAPI is the path of a copy:
//
//	cd internal/openapi && AUTHING_OPENAPI=/path/to/authing-v3-openapi.json go test
package openapi
