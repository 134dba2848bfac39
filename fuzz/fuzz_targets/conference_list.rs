//! FreeSWITCH's conference list, whole and in pieces.
#![no_main]

use cometql::freeswitch::{
    accounts::Accounts,
    conference_list,
    reconciler::{self, Circumstances},
};
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncReadExt;

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let whole = runtime.block_on(conference_list::read(data));
    let half = data.len() / 2;
    let pieces = data[..half].chain(&data[half..]);
    let in_pieces = runtime.block_on(conference_list::read(pieces));
    match (whole, in_pieces) {
        (Ok(whole), Ok(in_pieces)) => {
            assert_eq!(whole, in_pieces);
            let circumstances =
                Circumstances { at: 1_000_000, accounts: &Accounts::default(), only_verified: false };
            let members = reconciler::observe(&whole, &circumstances);
            assert_eq!(reconciler::reconcile(&members, &members, 0), []);
        }
        (whole, in_pieces) => assert_eq!(whole.is_err(), in_pieces.is_err()),
    }
});
