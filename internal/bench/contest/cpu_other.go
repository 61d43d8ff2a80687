//go:build !unix

package contest

import "time"

// CPU returns the CPU time used by this process, or 0 if it is not available.
func CPU() time.Duration { return 0 }
