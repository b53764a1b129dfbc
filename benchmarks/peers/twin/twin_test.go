package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

const golden = "../../../tests/golden"

// The CronJobs are GraphCron's own, as its golden files have them, the hash of each included.
func TestCronJobsAreThoseOfGraphCron(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	settings := Settings{ServerURL: "http://langgraph.agents.svc:2024", RunnerImage: "example.com/runner:1"}
	for _, name := range []string{"minimal", "suspended", "dollar-signs"} {
		t.Run(name, func(t *testing.T) {
			var graphcron GraphCron
			read(t, filepath.Join(golden, "input", name+".yaml"), &graphcron)
			graphcron.Namespace, graphcron.UID = "agents", "7a3f0f5e-0000-4000-8000-000000000001"
			var wanted any
			read(t, filepath.Join(golden, "cronjob", name+".yaml"), &wanted)

			manifest, err := cronJobFor(&graphcron, settings, nil, now)
			if err != nil {
				t.Fatal(err)
			}
			var made any
			if err := json.Unmarshal(compact(manifest), &made); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(made, wanted) {
				t.Errorf("made\n%s\nwanted\n%s", compact(made), compact(wanted))
			}
		})
	}
}

func TestHashedTextIsPythons(t *testing.T) {
	text := spaced(compact([]any{"a, b: \"c\" \\ <é𝄞>", object{"b": true, "a": 1}}))
	if wanted := `["a, b: \"c\" \\ <\u00e9\ud834\udd1e>", {"a": 1, "b": true}]`; string(text) != wanted {
		t.Errorf("%s\nwanted\n%s", text, wanted)
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
