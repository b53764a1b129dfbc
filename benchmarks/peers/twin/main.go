// The twin of GraphCron's operator: the same role as a Go operator on controller-runtime would fill it.
// The benchmarks compare the two; see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
	_ "time/tzdata" // zones are never the machine's own

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Settings are read from the environment; the defaults are those of GraphCron's operator.
type Settings struct {
	HealthPort  string
	MetricsPort string
	Workers     int
	ServerURL   string
	RunnerImage string
	Events      bool
	Applies     bool
}

func settingsFromEnvironment() (Settings, error) {
	workers, err := strconv.Atoi(variable("WORKERS", "8"))
	if err != nil {
		return Settings{}, fmt.Errorf("WORKERS: %w", err)
	}
	events, err := strconv.ParseBool(variable("EVENTS", "true"))
	if err != nil {
		return Settings{}, fmt.Errorf("EVENTS: %w", err)
	}
	applies, err := strconv.ParseBool(variable("APPLIES", "false"))
	if err != nil {
		return Settings{}, fmt.Errorf("APPLIES: %w", err)
	}
	return Settings{
		HealthPort:  variable("HEALTH_PORT", "8081"),
		MetricsPort: variable("METRICS_PORT", "8080"),
		Workers:     workers,
		ServerURL:   variable("SERVER_URL", ""),
		RunnerImage: variable("RUNNER_IMAGE", "graphcron/runner:dev"),
		Events:      events,
		Applies:     applies,
	}, nil
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	ctrl.SetLogger(zap.New())
	if err := run(ctrl.SetupSignalHandler()); err != nil {
		ctrl.Log.Error(err, "It has failed")
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	settings, err := settingsFromEnvironment()
	if err != nil {
		return err
	}
	mgr, err := newManager(settings)
	if err != nil {
		return err
	}
	if err := indexByOwner(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	reconciler := &Reconciler{Client: mgr.GetClient(), reader: mgr.GetAPIReader(), settings: settings, now: time.Now}
	if err := reconciler.setUp(mgr); err != nil {
		return err
	}
	if err := addProbes(mgr); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func newManager(settings Settings) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), addToScheme(scheme)); err != nil {
		return nil, err
	}
	rest, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	rest.QPS = -1 // the API server's own fairness is the limit
	rest.UserAgent = "graphcron-twin"
	return ctrl.NewManager(rest, ctrl.Options{
		Scheme: scheme,
		Cache:  cacheOptions(),
		// A reconcile that reads what the watches have yet to show would decide twice, and meet a conflict.
		Client:                 client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		HealthProbeBindAddress: "127.0.0.1:" + settings.HealthPort,
		Metrics:                metricsserver.Options{BindAddress: "127.0.0.1:" + settings.MetricsPort},
		Controller: config.Controller{
			MaxConcurrentReconciles: settings.Workers,
			ReconciliationTimeout:   time.Minute,
		},
	})
}

// addProbes makes /healthz answer from the start, and /readyz once all that is watched is in the cache.
func addProbes(mgr manager.Manager) error {
	var ready atomic.Bool
	fill := func(ctx context.Context) error {
		for _, kind := range []client.Object{&GraphCron{}, &batchv1.CronJob{}, &batchv1.Job{}, &corev1.Pod{}} {
			if _, err := mgr.GetCache().GetInformer(ctx, kind); err != nil {
				return err
			}
		}
		ready.Store(true)
		<-ctx.Done()
		return nil
	}
	filled := func(*http.Request) error {
		if !ready.Load() {
			return errors.New("the cache is being filled")
		}
		return nil
	}
	return errors.Join(
		mgr.Add(manager.RunnableFunc(fill)),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("cache", filled),
	)
}
