#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| towerhook_fuzz::mapping_file(data));
