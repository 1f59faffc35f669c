// load asks URL until SIGTERM, by some clients at a time, and prints what came of it on one line:
// how many requests, how many failed, how many processes have answered, and the first failures.
//
// Every other client makes a connection for each request; the others keep theirs.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type tally struct {
	sync.Mutex
	requests, failed int
	answered         map[string]bool
	why              []string
}

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage: load URL CLIENTS")
		os.Exit(2)
	}
	all := &tally{answered: map[string]bool{}}
	var clients sync.WaitGroup
	for number := 0; number < count; number++ {
		clients.Add(1)
		go func(number int) {
			defer clients.Done()
			ask(stop, os.Args[1], number, all)
		}(number)
	}
	fmt.Println("asking")
	clients.Wait()
	fmt.Printf("requests=%d failed=%d processes=%d %s\n",
		all.requests, all.failed, len(all.answered), strings.Join(all.why, "; "))
}

func ask(stop context.Context, url string, number int, all *tally) {
	transport := &http.Transport{DisableKeepAlives: number%2 == 0}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for stop.Err() == nil {
		pid, err := once(client, url)
		all.Lock()
		all.requests++
		if err == nil {
			all.answered[pid] = true
		} else if all.failed++; len(all.why) < 5 {
			all.why = append(all.why, err.Error())
		}
		all.Unlock()
		time.Sleep(time.Millisecond)
	}
}

func once(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	return strings.TrimSpace(string(body)), err
}
