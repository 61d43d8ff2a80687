//go:build !unix

package contest

import "time"

// CPU is the time that this process has worked, 0 if the system does not tell.
func CPU() time.Duration { return 0 }
