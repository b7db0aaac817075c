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
  configure aarch64-bare-metal
  compile aarch64-bare-metal
}
