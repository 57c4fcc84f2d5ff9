// Sends a file by C-STORE with dcmjs-dimse, and prints the status in a line among those of its log.
// Arguments: folder of the package, port, file.
const [place, port, file] = process.argv.slice(2);
const { Client, requests } = require(`${place}/node_modules/dcmjs-dimse`);

const client = new Client();
const request = new requests.CStoreRequest(file);
request.on("response", (response) => console.log(`answered ${response.getStatus()}`));
client.on("networkError", (error) => {
  console.error(String(error));
  process.exitCode = 1;
});
client.addRequest(request);
client.send("127.0.0.1", Number(port), "NODE", "TBSCREEN");
