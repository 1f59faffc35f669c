package main

import (
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

// Report is what a program can see of itself: the limits that the kernel really applies to it.
type Report struct {
	Pid         int      `json:"pid"`
	Process     string   `json:"process"`
	UptimeS     float64  `json:"uptime_s"`
	Descriptors int      `json:"descriptors"`
	Limits      []Limit  `json:"limits"`
	Arguments   []string `json:"arguments"`
}

// Limit is one line of /proc/self/limits.
type Limit struct {
	Name string `json:"name"`
	Soft string `json:"soft"`
	Hard string `json:"hard"`
	Unit string `json:"unit"`
}

func routes(started time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		report, err := look(started)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(report)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, report)
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/slow", slow)
	mux.HandleFunc("/crash", crash)
	return mux
}

// slow holds its request open: a stop that comes meanwhile has to wait for it.
func slow(w http.ResponseWriter, r *http.Request) {
	wait, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil {
		wait = 3 * time.Second
	}
	log.Printf("slow: a request of %s", wait)
	select {
	case <-time.After(wait):
		fmt.Fprintf(w, "done after %s\n", wait)
	case <-r.Context().Done():
	}
}

// crash ends the program the hard way, on the press of a button and not by a crawler's GET.
func crash(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST crashes this program", http.StatusMethodNotAllowed)
		return
	}
	go func() { panic("somebody pressed the crash button") }()
	select {}
}

func look(started time.Time) (Report, error) {
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return Report{}, err
	}
	text, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return Report{}, err
	}
	return Report{
		Pid:         os.Getpid(),
		Process:     setting("PYINIT_PROCESS", "web"),
		UptimeS:     time.Since(started).Seconds(),
		Descriptors: len(descriptors) - 1, // the one that read the directory
		Limits:      readLimits(string(text)),
		Arguments:   os.Args,
	}, nil
}

// readLimits reads /proc/self/limits, whose columns have fixed places: see proc(5).
func readLimits(text string) []Limit {
	var limits []Limit
	for _, line := range strings.Split(text, "\n")[1:] {
		if len(line) < 67 {
			continue
		}
		fields := strings.Fields(line[26:])
		limit := Limit{Name: strings.TrimSpace(line[:26]), Soft: fields[0], Hard: fields[1]}
		if len(fields) > 2 {
			limit.Unit = fields[2]
		}
		limits = append(limits, limit)
	}
	return limits
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{{.Process}}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 44rem; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd }
  td + td, th + th { font-variant-numeric: tabular-nums }
  button { font: inherit; padding: .3rem 1rem }
</style>
<h1>{{.Process}}</h1>
<p>pid {{.Pid}}, up {{printf "%.1f" .UptimeS}} s, {{.Descriptors}} open descriptors</p>
<table>
<tr><th>limit<th>soft<th>hard<th>unit</tr>
{{range .Limits}}<tr><td>{{.Name}}<td>{{.Soft}}<td>{{.Hard}}<td>{{.Unit}}</tr>
{{end}}</table>
<p><a href="/slow?for=5s">a slow request</a>: stop the program meanwhile, and see it finish</p>
<form method="post" action="/crash"><button>crash</button></form>
</html>
`))
