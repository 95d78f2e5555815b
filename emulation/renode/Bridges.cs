// Renode's end of the node's buses: one bridge a bus, which hands each transfer to emulation/peripherals over a socket.
// It must never know a chip nor a role. One file, since Renode compiles each on its own: include @Bridges.cs
// Specification: emulation/unix/device/bus_frames.py and emulation/renode/bridge_port.py (frames); RM0090, chapter 27 (I2C).
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;

using Antmicro.Renode.Backends.Terminals;
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.Memory;
using Antmicro.Renode.Peripherals.SPI;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.Vuzol
{
    // A connection to the peripherals: frames out, answers in.
    public class Line
    {
        // Everything whose order matters goes over one connection: chip select, then the bytes.
        public static Line Shared;

        public static int Port;

        public Line()
        {
            var client = new TcpClient { NoDelay = true };
            client.Connect(IPAddress.Loopback, Port);
            stream = client.GetStream();
        }

        public void Say(byte operation, int unit, params byte[] payload)
        {
            var frame = new byte[4 + payload.Length];
            frame[0] = operation;
            frame[1] = (byte)unit;
            frame[2] = (byte)payload.Length;
            frame[3] = (byte)(payload.Length >> 8);
            payload.CopyTo(frame, 4);
            lock(stream)
            {
                stream.Write(frame, 0, frame.Length);
            }
        }

        // The first byte of an answer is its status: 0 when somebody is there.
        public byte[] Ask(int answerBytes, byte operation, int unit, params byte[] payload)
        {
            lock(stream)
            {
                Say(operation, unit, payload);
                return Hear(1 + answerBytes);
            }
        }

        public byte[] Hear(int count)
        {
            var heard = new byte[count];
            for(var at = 0; at < count;)
            {
                var read = stream.Read(heard, at, count - at);
                if(read == 0)
                {
                    throw new IOException("the peripherals have gone");
                }
                at += read;
            }
            return heard;
        }

        // Everything that comes by itself, `size` bytes at a time, until the node ends.
        public void Listen(int size, Action<byte[]> take)
        {
            new Thread(() =>
            {
                try
                {
                    while(true)
                    {
                        take(Hear(size));
                    }
                }
                catch(IOException)
                {
                }
            }) { IsBackground = true, Name = "vuzol" }.Start();
        }

        private readonly NetworkStream stream;
    }

    // The chip's I2C controller itself, byte by byte. Renode's own asks an II2CPeripheral for bytes without saying how many
    // (a question for one status byte would swallow the PN532's frame behind it) and does not know a missing device's NACK.
    public class I2CBridge : IDoubleWordPeripheral, IKnownSize
    {
        public I2CBridge(int unit)
        {
            this.unit = unit;
        }

        public uint ReadDoubleWord(long offset)
        {
            switch((Register)offset)
            {
            case Register.Control1:
                return control;
            case Register.Data:
                return receiving ? Ask(Read)[1] : 0u;
            case Register.Status1:
                return started | (addressed ? AddressSent : 0) | (failed ? AcknowledgeFailed : 0)
                    | (!called ? 0 : receiving ? ByteHere | ByteFinished : BufferEmpty | ByteFinished);
            case Register.Status2:
                addressed = false;
                return (called || started != 0 ? Master | Busy : 0) | (called && !receiving ? Transmitter : 0);
            default:
                return others.TryGetValue(offset, out var value) ? value : 0;
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            switch((Register)offset)
            {
            case Register.Control1:
                control = value & ~(Start | Stop);
                if((value & Start) != 0)
                {
                    End();
                    started = StartSent;
                }
                if((value & Enable) == 0 || ((value & Stop) != 0 && !receiving))
                {
                    End(); // after STOP a receiver still takes the bytes on the way: it ends when the controller is switched off
                }
                break;
            case Register.Data:
                if(started != 0)
                {
                    started = 0;
                    receiving = (value & 1) != 0;
                    called = addressed = Ask(Begin, (byte)(value >> 1), (byte)(value & 1))[0] == 0;
                    failed = !called;
                }
                else if(called)
                {
                    failed = Ask(Write, (byte)value)[0] != 0;
                }
                break;
            case Register.Status1:
                failed &= (value & AcknowledgeFailed) != 0;
                break;
            default:
                others[offset] = value;
                break;
            }
        }

        public void Reset()
        {
            End();
            control = 0;
            failed = false;
            others.Clear();
        }

        public long Size => 0x400;

        private byte[] Ask(byte operation, params byte[] payload)
        {
            return Line.Shared.Ask(operation == Read ? 1 : 0, operation, unit, payload);
        }

        private void End()
        {
            if(called)
            {
                Ask(Finish);
            }
            called = addressed = receiving = false;
            started = 0;
        }

        private readonly int unit;
        private readonly Dictionary<long, uint> others = new Dictionary<long, uint>();
        private uint control;
        private uint started;
        private bool addressed;
        private bool called;
        private bool receiving;
        private bool failed;

        private const byte Begin = 32;
        private const byte Write = 33;
        private const byte Read = 34;
        private const byte Finish = 35;

        private const uint Enable = 1;
        private const uint Start = 1 << 8;
        private const uint Stop = 1 << 9;
        private const uint StartSent = 1;
        private const uint AddressSent = 1 << 1;
        private const uint ByteFinished = 1 << 2;
        private const uint ByteHere = 1 << 6;
        private const uint BufferEmpty = 1 << 7;
        private const uint AcknowledgeFailed = 1 << 10;
        private const uint Master = 1;
        private const uint Busy = 1 << 1;
        private const uint Transmitter = 1 << 2;

        private enum Register
        {
            Control1 = 0x00,
            Data = 0x10,
            Status1 = 0x14,
            Status2 = 0x18,
        }
    }

    // What hangs on an SPI controller; chip select is a pin of its own.
    public class SPIBridge : ISPIPeripheral
    {
        public SPIBridge(int unit)
        {
            this.unit = unit;
        }

        public byte Transmit(byte data)
        {
            return Line.Shared.Ask(1, Exchange, unit, data)[1];
        }

        public void FinishTransmission()
        {
        }

        public void Reset()
        {
        }

        private readonly int unit;

        private const byte Exchange = 7;
    }

    // What hangs on a UART, in both directions.
    public class UARTBridge : BackendTerminal
    {
        public UARTBridge(int unit)
        {
            this.unit = unit;
            line = new Line();
            line.Say(Uart, unit);
            line.Listen(1, heard => CallCharReceived(heard[0]));
        }

        public override void WriteChar(byte value)
        {
            line.Say(Uart, unit, value);
        }

        private readonly int unit;
        private readonly Line line;

        private const byte Uart = 36;
    }

    // Pins that the node drives: light, beeper, chip select.
    public class PinOutputs : IGPIOReceiver
    {
        public PinOutputs(IMachine machine)
        {
            this.machine = machine;
        }

        public void OnGPIO(int number, bool value)
        {
            var now = BitConverter.GetBytes((uint)(ulong)machine.ElapsedVirtualTime.TimeElapsed.TotalMicroseconds);
            Line.Shared.Say(PinWrite, number, new[] { (byte)(value ? 1 : 0) }.Concat(now).ToArray());
        }

        // The chip was reset, by whatever: its pins drive nothing.
        public void Reset()
        {
            Line.Shared.Say(ChipReset, 0);
        }

        private readonly IMachine machine;

        private const byte PinWrite = 1;
        private const byte ChipReset = 38;
    }

    // Pins that somebody else drives: buttons and contacts. Pairs of (pin, level) come whenever one changes.
    public class PinInputs : IGPIOSender, INumberedGPIOOutput
    {
        public PinInputs(IMachine machine)
        {
            this.machine = machine;
            Connections = Enumerable.Range(0, Pins).ToDictionary(pin => pin, pin => (IGPIO)new GPIO());
            line = new Line();
            line.Say(Inputs, 0);
            line.Listen(2, Changed);
        }

        public void Reset()
        {
            line.Say(Inputs, 0); // all levels anew
        }

        public IReadOnlyDictionary<int, IGPIO> Connections { get; }

        private void Changed(byte[] told)
        {
            var now = new TimeStamp(default(TimeInterval), EmulationManager.ExternalWorld);
            machine.HandleTimeDomainEvent(Connections[told[0]].Set, told[1] != 0, now);
        }

        private readonly IMachine machine;
        private readonly Line line;

        private const int Pins = 11 * 16;
        private const byte Inputs = 37;
    }

    public static class VuzolExtensions
    {
        // Before the platform is loaded; a Renode that runs several nodes, one after the other, compiles this file once.
        public static void SetPeripherals(this Emulation emulation, int port)
        {
            Line.Port = port;
            Line.Shared = new Line();
        }

        public static void CreateUARTBridge(this Emulation emulation, int unit, string name)
        {
            emulation.ExternalsManager.AddExternal(new UARTBridge(unit), name);
        }

        // What is in the flash outlives the node's power: lane.py has it loaded again.
        public static void SaveTo(this MappedMemory memory, string path)
        {
            File.WriteAllBytes(path, memory.ReadBytes(0, (int)memory.Size));
        }
    }
}
