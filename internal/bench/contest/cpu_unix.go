//go:build unix

package contest

import (
	"syscall"
	"time"
)

// CPU returns the CPU time used by this process, or 0 if it is not available.
func CPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
