// hang ignores TERM and waits for ever, in goroutines whose names are worth seeing in a dump.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

var lock sync.Mutex

func holdsTheLockForEver(held chan<- bool) {
	lock.Lock()
	held <- true
	select {}
}

func waitsForTheLock() {
	lock.Lock()
}

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // and nobody ever looks there
	held := make(chan bool)
	go holdsTheLockForEver(held)
	<-held
	go waitsForTheLock()
	fmt.Println("hanging")
	select {}
}
