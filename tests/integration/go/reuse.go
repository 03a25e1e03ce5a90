// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// reuse OBJECT DIRECTORY: loads an object file with cilium/ebpf. Maps with LIBBPF_PIN_BY_NAME are taken
// from DIRECTORY, or pinned there. Prints the ids of all maps, and of those that each program uses.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/cilium/ebpf"
)

type result struct {
	Maps     map[string]ebpf.MapID   `json:"maps"`
	Programs map[string][]ebpf.MapID `json:"programs"`
}

func load(object, directory string) (*result, error) {
	spec, err := ebpf.LoadCollectionSpec(object)
	if err != nil {
		return nil, err
	}
	options := ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: directory}}
	collection, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return nil, err
	}
	defer collection.Close()
	found := &result{map[string]ebpf.MapID{}, map[string][]ebpf.MapID{}}
	for name, each := range collection.Maps {
		info, err := each.Info()
		if err != nil {
			return nil, err
		}
		found.Maps[name], _ = info.ID()
	}
	for name, each := range collection.Programs {
		info, err := each.Info()
		if err != nil {
			return nil, err
		}
		found.Programs[name], _ = info.MapIDs()
	}
	return found, nil
}

func main() {
	found, err := load(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}
