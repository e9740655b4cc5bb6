#!/bin/sh
# Stands for the model in the chaos run: chaos-inference.sh LOG QUERY OUTPUT. Notes that it runs, works for a moment, predicts no change.
set -eu
echo "${HAYSTACK_LOCAL_JOB##*/} $3" >> "$1"
sleep 0.2
cp "$2" "$3.part"
mv "$3.part" "$3"
