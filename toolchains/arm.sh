# shellcheck shell=bash
# The suite `arm` of ./dev test: cross builds whose tests run under QEMU. Sourced by dev.

# Libraries of the target for the command-line program and for the peer of the instruction counts.
arm64_packages=(libprotobuf-dev libpng-dev libonnx-dev libfmt-dev libcli11-dev nlohmann-json3-dev libxnnpack-dev)

suite_arm() {
  need arm
  local quick=ON presets=(aarch64 armv7) preset cpus_aarch64=cortex-a53 cpus_armv7='' program=$PWD/build/release/tools/tconv
  if [[ -n ${TCONV_TEST_FULL:-} ]]; then
    quick=OFF
    presets+=(aarch64-clang armv7-clang)
    cpus_aarch64='cortex-a53;cortex-a72;neoverse-n1' cpus_armv7='cortex-a15;max'
  elif [[ -z ${arm_with_others:-} ]]; then
    cpus_aarch64='cortex-a53;cortex-a72;neoverse-n1' cpus_armv7='cortex-a15'
  fi
  say "libraries of the target in build/packages/arm64"
  toolchains/packages.sh arm64 build/packages/arm64 "${arm64_packages[@]}" || die "test arm: the packages above are needed"
  # The same program for this machine, to compare with.
  [[ -x $program ]] || build_release
  for preset in "${presets[@]}"; do
    local arguments=(-DTCONV_TEST_QUICK=$quick)
    case $preset in
      aarch64)
        arguments+=(-DTCONV_TEST_CPUS="$cpus_aarch64" -DTCONV_SYSROOT_PACKAGES="$PWD/build/packages/arm64"
          -DTCONV_BUILD_TOOLS=ON -DTCONV_HOST_PROGRAM="$program")
        ;;
      armv7) arguments+=(-DTCONV_TEST_CPUS="$cpus_armv7") ;;
      *) arguments+=(-DTCONV_TEST_CPUS=) ;;
    esac
    configure "$preset" "${arguments[@]}"
    compile "$preset"
    suites+=("$PWD/build/$preset")
  done
}

# arm_analysis VERB: instructions per layer and hot loops, of the preset aarch64.
arm_analysis() {
  local lib=$PWD/build/packages/arm64 triple=aarch64-linux-gnu failed=0
  need build test arm
  suite_arm
  bench/arm/counts.py "$1" build/aarch64/bench/arm/count_layers "${@:2}" \
    --emulator "qemu-aarch64,-L,/usr/$triple,-E,LD_LIBRARY_PATH=$lib/usr/lib/$triple:$lib/lib/$triple" || failed=1
  bench/arm/loops.py "$1" $triple-g++ "clang++ --target=$triple" \
    -- -O3 -DNDEBUG -fPIC -std=gnu++17 -fno-exceptions -fno-rtti -idirafter/usr/include || failed=1
  return $failed
}

#: arm-baseline
#:     Record anew what ARM's kernels execute per layer, and their hot loops, in bench/arm/baselines: after a change that is meant.
verb_arm-baseline() { arm_analysis refresh; }

#: arm-table
#:     Print the instructions of ARM's kernels per layer, beside XNNPACK's, and their hot loops under llvm-mca.
verb_arm-table() { arm_analysis table --multiplications 40000000; }
