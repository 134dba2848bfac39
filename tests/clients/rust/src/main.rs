//! Rust's asynchronous clients. Called with: host port password client; COMETQL_TEST_CA is whom they trust in TLS.

mod check;
mod mysql_async_client;
mod sqlx_client;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, password, client] = arguments.as_slice() else { panic!("host port password client") };
    let authority = std::env::var_os("COMETQL_TEST_CA").expect("COMETQL_TEST_CA").into();
    let server = check::Server { host, port: port.parse().expect("port"), password, authority };
    match client.as_str() {
        "sqlx" => check::check::<sqlx_client::Sqlx>(&server).await,
        "mysql_async" => check::check::<mysql_async_client::MysqlAsync>(&server).await,
        other => panic!("{other} is no client"),
    }
}
