// As much of Renode as Bridges.cs sees, so that Mono can compile and run it without Renode: names and types are Renode's.
// Then a bench: each line of standard input is an access to a bridge, each line of standard output what came of it.
using System;
using System.Collections.Generic;

namespace Antmicro.Renode.Time
{
    public struct TimeInterval { public double TotalMicroseconds => 5000000000.0; }
    public interface ITimeDomain { }
    public struct TimeStamp
    {
        public TimeStamp(TimeInterval interval, ITimeDomain domain) { }
        public TimeInterval TimeElapsed => new TimeInterval();
    }
}

namespace Antmicro.Renode.Core
{
    using Antmicro.Renode.Peripherals;
    using Antmicro.Renode.Time;

    public interface IMachine
    {
        TimeStamp ElapsedVirtualTime { get; }
        void HandleTimeDomainEvent<T>(Action<T> handler, T handlerArgument, TimeStamp eventTime, Action postAction = null);
    }
    public class EmulationManager { public static ITimeDomain ExternalWorld; }
    public interface IGPIO { bool IsSet { get; } void Set(bool value); }
    public class GPIO : IGPIO { public bool IsSet { get; private set; } public void Set(bool value) { IsSet = value; } }
    public interface IGPIOReceiver : IPeripheral { void OnGPIO(int number, bool value); }
    public interface IGPIOSender : IPeripheral { }
    public interface INumberedGPIOOutput : IPeripheral { IReadOnlyDictionary<int, IGPIO> Connections { get; } }
    public interface IExternal { }
    public class ExternalsManager { public void AddExternal(IExternal external, string name) { } }
    public class Emulation { public ExternalsManager ExternalsManager = new ExternalsManager(); }
}

namespace Antmicro.Renode.Peripherals { public interface IPeripheral { void Reset(); } }

namespace Antmicro.Renode.Peripherals.Bus
{
    public interface IBusPeripheral : IPeripheral { }
    public interface IKnownSize : IBusPeripheral { long Size { get; } }
    public interface IDoubleWordPeripheral : IBusPeripheral
    {
        uint ReadDoubleWord(long offset);
        void WriteDoubleWord(long offset, uint value);
    }
}

namespace Antmicro.Renode.Peripherals.SPI
{
    public interface ISPIPeripheral : IPeripheral { byte Transmit(byte data); void FinishTransmission(); }
}

namespace Antmicro.Renode.Peripherals.Memory
{
    public class MappedMemory
    {
        public long Size => 0;
        public byte[] ReadBytes(long offset, int count, IPeripheral context = null) => new byte[count];
    }
}

namespace Antmicro.Renode.Backends.Terminals
{
    using Antmicro.Renode.Core;

    public abstract class BackendTerminal : IExternal
    {
        public abstract void WriteChar(byte value);
        public virtual event Action<byte> CharReceived;
        protected void CallCharReceived(byte value) => CharReceived?.Invoke(value);
    }
}

namespace Vuzol
{
    using Antmicro.Renode.Core;
    using Antmicro.Renode.Peripherals.Vuzol;
    using Antmicro.Renode.Time;

    public class Machine : IMachine
    {
        public TimeStamp ElapsedVirtualTime => new TimeStamp();
        public void HandleTimeDomainEvent<T>(Action<T> handler, T argument, TimeStamp time, Action after) => handler(argument);
    }

    public static class Bench
    {
        public static void Main(string[] units)
        {
            new Emulation().SetPeripherals(int.Parse(units[3]));
            var machine = new Machine();
            var i2c = new I2CBridge(int.Parse(units[0]));
            var spi = new SPIBridge(int.Parse(units[1]));
            var uart = new UARTBridge(int.Parse(units[2]));
            var outputs = new PinOutputs(machine);
            var inputs = new PinInputs(machine);
            var heard = new Queue<byte>();
            uart.CharReceived += value => { lock(heard) heard.Enqueue(value); };
            for(string line; (line = Console.ReadLine()) != null;)
            {
                var words = line.Split(' ');
                var first = words.Length > 1 ? Convert.ToInt64(words[1], 16) : 0;
                var second = words.Length > 2 ? Convert.ToUInt32(words[2], 16) : 0;
                var answer = 0u;
                switch(words[0])
                {
                case "i2c-write": i2c.WriteDoubleWord(first, second); break;
                case "i2c-read": answer = i2c.ReadDoubleWord(first); break;
                case "spi": answer = spi.Transmit((byte)first); break;
                case "uart-write": uart.WriteChar((byte)first); break;
                case "uart-count": lock(heard) answer = (uint)heard.Count; break;
                case "uart-read": lock(heard) answer = heard.Dequeue(); break;
                case "pin-write": outputs.OnGPIO((int)first, second != 0); break;
                case "pin-read": answer = inputs.Connections[(int)first].IsSet ? 1u : 0u; break;
                case "reset": i2c.Reset(); outputs.Reset(); inputs.Reset(); break;
                }
                Console.WriteLine("{0:x}", answer);
                Console.Out.Flush();
            }
        }
    }
}
