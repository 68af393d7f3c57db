#!/bin/sh
# Fetches a headless Chromium of this machine's Debian release, for the test that looks at the report's page, and prints
# the path of a script that runs it. Nothing is installed on the machine: see tools/packages.sh.
#
#   tools/browser.sh
#
# Exit status: 3 where apt does not work, or does not have it; the last line on standard error says why.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
folders=$("$root/tools/packages.sh" chromium-headless-shell fonts-dejavu-core)
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$root/$target ;; esac
version=$(basename "$(echo "$folders" | grep '/chromium-headless-shell_')")
browser=$target/programs/browser/$version

if ! [ -x "$browser/run" ]; then
    exec 9>"$target/programs/browser.lock"
    flock 9
    new=$browser.new
    rm -rf "$target/programs/browser"
    mkdir -p "$new/root"
    # One folder, as its program wants its data beside it. Hard links: nothing is copied.
    echo "$folders" | while read -r folder; do
        case $folder in
        # The machine's own, which the others were built for.
        */libc6_*) ;;
        *) cp -al "$folder/." "$new/root" ;;
        esac
    done
    libraries=$(cd "$new/root" && find usr/lib lib -name 'lib*.so*' -printf "$browser/root/%h\n" | sort -u | paste -sd:)
    cat >"$new/fonts.conf" <<END
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$browser/root/usr/share/fonts</dir><cachedir>$browser/fonts</cachedir></fontconfig>
END
    cat >"$new/run" <<END
#!/bin/sh
export LD_LIBRARY_PATH="$libraries" FONTCONFIG_FILE="$browser/fonts.conf"
exec "$browser/root/usr/lib/chromium/chromium-headless-shell" "\$@"
END
    chmod +x "$new/run"
    mv "$new" "$browser"
fi
echo "$browser/run"
