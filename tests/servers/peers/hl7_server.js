// A receiver of HL7 messages by simple-hl7, an implementation of its own (npm). It prints its port, and one line of
// JSON for each message: what it read from it. Its first argument is the folder with node_modules.
const hl7 = require(`${process.argv[2]}/node_modules/simple-hl7`);
const app = hl7.tcp();

function read(message, segment, field, component) {
  const found = message.getSegment(segment);
  return found ? found.getComponent(field, component || 1) : "";
}

app.use((request, response, next) => {
  const message = request.msg;
  const observations = message.getSegments("OBX").map((obx) => ({
    code: obx.getComponent(3, 1),
    value: obx.getComponent(5, 1),
    status: obx.getField(11),
  }));
  console.log(
    JSON.stringify({
      control_id: message.header.getField(8),
      type: message.header.getField(7),
      patient_id: read(message, "PID", 3),
      family: read(message, "PID", 5, 1),
      given: read(message, "PID", 5, 2),
      filler: read(message, "OBR", 3),
      status: read(message, "OBR", 25),
      observations,
    })
  );
  next();
});
app.use((request, response, next) => response.end());
app.start(Number(process.argv[3]));
console.log("ready");
