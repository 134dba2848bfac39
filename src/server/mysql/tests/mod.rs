//! The guard, packet by packet: each test sends what opensrv-mysql 0.7 alone would get wrong.

mod commands;
mod login;
mod packets;
mod prepared;
mod results;
mod tls;
