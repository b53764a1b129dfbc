// Command argo-lua runs a Lua script on a Kubernetes object as Argo CD does: on the same interpreter, with the same
// libraries, and with the same mending of what Lua makes of an empty object. It reads {"script": …, "object": …} and
// prints what the script returned, both as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

type question struct {
	Script string         `json:"script"`
	Object map[string]any `json:"object"`
}

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(in io.Reader, out io.Writer) error {
	var asked question
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	returned, err := run(asked)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(mended(returned, asked.Object))
}

// run gives a script the libraries of Argo CD's util/lua, and one second. There is no global `os`, only the module.
func run(asked question) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, safeOs)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("actionParams", state.NewTable())
	state.SetGlobal("obj", luajson.DecodeValue(state, asked.Object))
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	encoded, err := luajson.Encode(state.Get(-1))
	if err != nil {
		return nil, err
	}
	var returned any
	return returned, json.Unmarshal(encoded, &returned)
}

// safeOs has of the library `os` what Argo CD leaves in it.
func safeOs(state *lua.LState) int {
	lua.OpenOs(state)
	all := state.CheckTable(-1)
	few := state.NewTable()
	for _, name := range []string{"time", "date"} {
		few.RawSetString(name, all.RawGetString(name))
	}
	state.SetGlobal(lua.OsLibName, lua.LNil)
	state.Push(few)
	return 1
}

// mended makes an empty list an empty map again where the object had a map: Lua has one kind of empty table.
func mended(returned, object any) any {
	switch old := object.(type) {
	case map[string]any:
		switch made := returned.(type) {
		case []any:
			if len(made) == 0 {
				return map[string]any{}
			}
		case map[string]any:
			for key := range made {
				made[key] = mended(made[key], old[key])
			}
		}
	case []any:
		if made, is := returned.([]any); is {
			for index := range min(len(made), len(old)) {
				made[index] = mended(made[index], old[index])
			}
		}
	}
	return returned
}
