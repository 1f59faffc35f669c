// Worker does a bit of work again and again: it asks the web service how it is.
//
// WORKER_ROUNDS makes a job of it, which ends after so many rounds that went well.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetOutput(os.Stdout)
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	url := os.Getenv("WORKER_URL")
	if url == "" {
		url = "http://127.0.0.1:8080/healthz"
	}
	every, err := time.ParseDuration(os.Getenv("WORKER_EVERY"))
	if err != nil {
		every = 5 * time.Second
	}
	rounds, err := strconv.Atoi(os.Getenv("WORKER_ROUNDS"))
	if err != nil {
		rounds = 0 // without end
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	well := 0
	for done := 1; ; done++ {
		if err := work(stop, url); err != nil && stop.Err() == nil {
			log.Printf("round %d: %v", done, err)
		} else if err == nil {
			log.Printf("round %d: the service is well", done)
			well++
		}
		if rounds > 0 && well >= rounds {
			log.Printf("done after %d rounds", done)
			return
		}
		select {
		case <-tick.C:
		case <-stop.Done():
			log.Printf("stopped after %d rounds", done)
			return
		}
	}
}

func work(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if _, err := io.Copy(io.Discard, reply.Body); err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("the service says %s", reply.Status)
	}
	return nil
}
