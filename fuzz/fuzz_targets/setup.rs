#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| towerhook_fuzz::setup(data));
