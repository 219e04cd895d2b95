#!/bin/sh
# Builds the jcstress tests and runs them in under a minute. Arguments go to jcstress (for example: -m tough -f 5).
# Ends with 0 only when every test ran and none met a forbidden outcome.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mvn -B -q -f "$here/../pom.xml" -Pstress -pl stress -am -DskipTests package
out="$here/target/jcstress"
rm -rf "$out"
mkdir -p "$out"
if [ $# -eq 0 ]; then
  set -- -m quick -f 1 -fsm 1 -iters 2 -time 300 -sc false -af NONE -hs 256 -strideSize 10 -strideCount 20
fi
cd "$out"
"${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$here/target/classes:$here/target/lib/*" org.openjdk.jcstress.Main \
  -r "$out/report" -jvmArgs "-XX:+UseSerialGC" "$@" > "$out/log" 2>&1 || { tail -60 "$out/log"; exit 1; }
tail -15 "$out/log"
# jcstress's own exit code says that nothing was forbidden; this says that everything ran.
grep -Eq '^\(Results: ([0-9]+) planned; \1 passed, 0 failed, 0 soft errs, 0 hard errs\)' "$out/log" ||
  { echo "jcstress did not run all of its tests"; exit 1; }
