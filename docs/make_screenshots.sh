#!/bin/sh
# Draws the guide's screenshots anew. The Olivetti faces must be in the data home (latentstudio datasets --fetch olivetti), and
# lfw64 for those of the Glow.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python docs/make_scenes.py
export QT_QPA_PLATFORM=offscreen
shot() { .venv/bin/latentstudio --screenshot "docs/images/$1.png" --size "$2" --theme "$3" ${4:+"docs/scenes/$4.latentstudio"}; }
shot window-dark 1366x768 dark
shot window-light 1366x768 light paths
shot paths 1600x1000 dark paths
shot likelihood 1600x1000 dark likelihood
shot components 1600x1000 light components
shot early 1366x768 dark early
shot browse 1366x768 light browse
shot corruption 1366x768 dark corruption
shot reflection 1366x768 light reflection
shot attributes 1366x768 light attributes
shot leak 1366x768 dark leak
shot projections 1800x1000 light projections
shot prototypes 1366x768 dark prototypes
shot edit-map 1366x768 light edit-map
