package main

import "github.com/spf13/cobra"

// devCommand is not there yet.
func devCommand() *cobra.Command { return &cobra.Command{Use: "dev", Hidden: true} }
