#!/bin/sh
# Run the tests: test.sh [pytest's arguments]. First what needs no Airflow of its own, on two processes; then what starts
# one or a browser, one after the other, so that none takes the processors of another.
set -u
cd "$(dirname "$0")/.."

NO_TESTS=5
alone='scheduler or browser'

.venv/bin/pytest -n 2 -m "not ($alone)" "$@"
first=$?
[ $first -eq 0 ] || [ $first -eq $NO_TESTS ] || exit $first
.venv/bin/pytest -m "$alone" "$@"
second=$?
# Arguments may pick tests of one kind only.
if [ $second -eq $NO_TESTS ]; then exit $first; fi
exit $second
