#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The drawing program gives the same bytes for the same arguments, others for another seed, and an image does not depend on how many are
# drawn beside it. Usage: test_draw.sh DRAW_SHAPES
set -eu
draw=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "$*"; exit 1; }

"$draw" "$dir/one" --classes a --per-class 3 --seed 5
"$draw" "$dir/two" --classes a --per-class 3 --seed 5
"$draw" "$dir/few" --classes star,diamond --per-class 2 --seed 5
"$draw" "$dir/other" --classes diamond --per-class 3 --seed 6
diff -r "$dir/one" "$dir/two" || fail "the same arguments drew other bytes"
[ "$(find "$dir/one" -name '*.jpg' | wc -l)" = 30 ] || fail "set a is not 10 classes of 3 images"
cmp "$dir/one/diamond/00001.jpg" "$dir/few/diamond/00001.jpg" || fail "an image depends on what is drawn beside it"
for i in 0 1 2; do
    ! cmp -s "$dir/one/diamond/0000$i.jpg" "$dir/other/diamond/0000$i.jpg" || fail "another seed drew the same image"
done
[ "$(ls "$dir/few")" = "diamond
star" ] || fail "a list of classes drew others"
status=0
"$draw" "$dir/none" --classes nonesuch 2>"$dir/said" || status=$?
[ $status = 2 ] && [ ! -e "$dir/none" ] && grep -q usage "$dir/said" || fail "an unknown class is no usage error"
status=0
"$draw" "$dir/one/star" --per-class 1 --seed 1x 2>/dev/null || status=$?
[ $status = 2 ] || fail "a seed with a letter is no usage error"
