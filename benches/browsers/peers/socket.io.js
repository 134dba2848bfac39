// Tells all clients what one of them says: node socket.io.js IP PORT.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const [host, port] = process.argv.slice(2);
const http = createServer();
const server = new Server(http, { transports: ["websocket"], pingInterval: 3_600_000 });
server.on("connection", (speaker) => {
    speaker.on("news", (text) => speaker.broadcast.emit("news", text));
});
http.listen(port, host);
