#!/bin/sh
# Stands for the model in the chaos run: chaos-inference.sh LOG PROMPT QUERY OUTPUT. Notes that it runs, works a
# moment, predicts no change.
set -eu
echo "${HAYSTACK_LOCAL_JOB##*/} $4" >> "$1"
sleep 0.2
test -s "$2"
cp "$3" "$4.part"
mv "$4.part" "$4"
