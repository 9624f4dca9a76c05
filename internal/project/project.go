// Package project writes the files of a project to begin with: a definition, its test,
// the contracts, and a participant in Go. The template is a program of this module, so
// that it is built and checked with it.
package project

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed template
var template embed.FS

// modulePath is this module's.
const modulePath = "github.com/unwindhq/unwind"

// ErrExists says that a file to be written is there already. Nothing was written.
var ErrExists = errors.New("it is there already, and is not written over: choose an empty folder")

// Options say how a project is written. The zero value is the default.
type Options struct {
	Module  string // Module is the project's module path. Default example.com/order.
	Version string // Version is that of this module to require, such as v1.2.0. Default: none is named, go mod tidy takes the latest.
	Source  string // Source is a folder with this module's source to be used instead of a published version. Default: none.
}

// Write writes a project into a folder, which it creates, and returns the files' paths
// from there. It never writes over a file: with one in its way it writes nothing. The
// error may be ErrExists.
func Write(dir string, o Options) ([]string, error) {
	files, err := contents(o)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, f.name), ErrExists)
		}
		names = append(names, f.name)
	}
	for _, f := range files {
		if err := create(filepath.Join(dir, f.name), f.data); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// file is one of a project.
type file struct {
	name string // from the project's folder
	data []byte
}

// contents lists the files of a project.
func contents(o Options) (files []file, err error) {
	err = fs.WalkDir(template, "template", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := template.ReadFile(path)
		files = append(files, file{filepath.FromSlash(strings.TrimPrefix(path, "template/")), data})
		return err
	})
	mod, err2 := goMod(o)
	return append(files, file{"go.mod", mod}, file{".gitignore", []byte(".unwind/\n")}), errors.Join(err, err2)
}

// goMod is the project's go.mod, to which go mod tidy adds what is left.
func goMod(o Options) ([]byte, error) {
	if o.Module == "" {
		o.Module = "example.com/order"
	}
	text := "module " + o.Module + "\n\ngo 1.26\n"
	switch {
	case o.Source != "":
		source, err := filepath.Abs(o.Source)
		if err != nil {
			return nil, err
		}
		text += fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %q\n", modulePath, modulePath, source)
	case o.Version != "":
		text += fmt.Sprintf("\nrequire %s %s\n", modulePath, o.Version)
	}
	return []byte(text), nil
}

// create writes a file that must not be there yet.
func create(path string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
