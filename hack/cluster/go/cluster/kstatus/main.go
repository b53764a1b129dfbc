// Command kstatus reads a Kubernetes object, YAML or JSON, and prints how ready it is by the library by which Flux
// waits for what it has applied. An argument, the health checks of a Flux Kustomization as JSON, stands for kstatus' own
// rules where it has one for objects of that kind.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type verdict struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	object, err := read(os.Stdin)
	if err != nil {
		return err
	}
	var checks []kustomize.CustomHealthCheck
	if len(arguments) > 0 {
		if err := json.Unmarshal([]byte(arguments[0]), &checks); err != nil {
			return err
		}
	}
	result, err := compute(object, checks)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(verdict{Status: result.Status, Message: result.Message})
}

func read(in io.Reader) (*unstructured.Unstructured, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	body, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(body)
}

func compute(object *unstructured.Unstructured, checks []kustomize.CustomHealthCheck) (*status.Result, error) {
	for _, check := range checks {
		if check.APIVersion == object.GetAPIVersion() && check.Kind == object.GetKind() {
			evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
			if err != nil {
				return nil, err
			}
			result, err := evaluator.Evaluate(context.Background(), object)
			if err != nil { // of a field that is not there; Flux goes on waiting
				return &status.Result{Status: status.UnknownStatus, Message: err.Error()}, nil
			}
			return result, nil
		}
	}
	return status.Compute(object)
}
